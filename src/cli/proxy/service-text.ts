/** Services as people read them on a terminal. */
import { formatDuration } from '../../base/duration.ts';
import type { ServiceStatus } from '../../proxy/client/index.ts';
import type { Cell, Colour } from '../table.ts';
import { formatFacts } from '../table.ts';

export const serviceHead = ['SERVICE', 'STATE', 'HOSTS', 'PATHS', 'TARGETS', 'IN FLIGHT', 'HELD', 'OWNER'];

export function serviceRow(service: ServiceStatus): (string | Cell)[] {
  const { name, path_prefixes: paths, in_flight: inFlight, held, owner } = service;
  const state = stateOf(service);
  return [
    name,
    { text: state, colour: colourOf(state) },
    hostsText(service),
    paths.join(','),
    targetsText(service) || '-',
    String(inFlight),
    String(held),
    owner,
  ];
}

export function serviceFacts(service: ServiceStatus): string {
  const { deployment } = service;
  return formatFacts([
    ['service', service.name],
    ['state', stateText(service)],
    ['owner', service.owner === 'client' ? 'luma-proxy commands' : `the installation ${service.owner}`],
    ['hosts', hostsText(service)],
    ['paths', service.path_prefixes.join(', ') + (deployment?.strip_path_prefix ? ' (stripped)' : '')],
    ['targets', targetsText(service) || 'none'],
    ['in flight', String(service.in_flight)],
    ['held', String(service.held)],
    ['answer within', answerText(deployment)],
    ['health check', deployment && healthText(deployment)],
  ]);
}

export function hostsText({ hosts }: Pick<ServiceStatus, 'hosts'>): string {
  return hosts.map((host) => host || '* (every other host)').join(', ');
}

/** `3 requests are`, `1 request is`. */
export function requestsText(count: number): string {
  return count === 1 ? '1 request' : `${count} requests`;
}

function stateOf({ traffic, gate }: ServiceStatus): string {
  if (traffic !== 'forward') return traffic;
  return gate === 'open' ? 'serving' : 'waiting';
}

function stateText(service: ServiceStatus): string {
  const { max_pause_ms: maxPauseMs, stop_message: message } = service.deployment ?? {};
  const state = stateOf(service);
  if (typeof maxPauseMs === 'number') return `paused: requests wait up to ${formatDuration(maxPauseMs)}`;
  return message ? `${state}: ${message}` : state;
}

function colourOf(state: string): Colour {
  if (state === 'serving') return 'green';
  return state === 'stopped' ? 'red' : 'yellow';
}

function targetsText({ targets }: ServiceStatus): string {
  return targets
    .map(({ address, state }) => (state === 'ready' ? address : `${address} (${state})`))
    .join(', ');
}

function answerText(deployment: ServiceStatus['deployment']): string | null {
  if (!deployment) return null;
  const { response_timeout_ms: milliseconds } = deployment;
  return milliseconds === 0 ? 'any time' : formatDuration(milliseconds);
}

function healthText({ health_check: check }: NonNullable<ServiceStatus['deployment']>): string {
  const what = check.path === null ? 'a connection' : `GET ${check.path}`;
  const where = check.port === null ? '' : ` on port ${check.port}`;
  const as = check.host === null ? '' : ` as ${check.host}`;
  const times = `every ${formatDuration(check.interval_ms)}, ${formatDuration(check.timeout_ms)} each`;
  return `${what}${where}${as}, ${times}`;
}
