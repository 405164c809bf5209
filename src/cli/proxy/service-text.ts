/** Services as people read them on a terminal. */
import { formatByteSize } from '../../base/byte-size.ts';
import { formatDuration } from '../../base/duration.ts';
import type { Deployed, ServiceStatus } from '../../proxy/client/index.ts';
import type { Cell, Colour } from '../table.ts';
import { formatFacts } from '../table.ts';

export const serviceHead = [
  'SERVICE',
  'STATE',
  'HOSTS',
  'PATHS',
  'TLS',
  'TARGETS',
  'IN FLIGHT',
  'HELD',
  'OWNER',
];

export function serviceRow(service: ServiceStatus): (string | Cell)[] {
  const { name, path_prefixes: paths, in_flight: inFlight, held, owner } = service;
  const state = stateOf(service);
  return [
    name,
    { text: state, colour: colourOf(state) },
    hostsText(service),
    paths.join(','),
    service.deployment?.tls ? 'yes' : 'no',
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
    ...(deployment ? optionFacts(deployment) : []),
  ]);
}

type DeploymentStatus = NonNullable<ServiceStatus['deployment']>;

/** Only what was said: everything else is as it is without a word. */
function optionFacts(deployment: DeploymentStatus): [string, string | null][] {
  const { tls, rollout, max_request_body_bytes: bodyBytes, exclude_metrics_paths: excluded } = deployment;
  const buffered = [
    ...(deployment.buffer_requests ? ['requests'] : []),
    ...(deployment.buffer_responses ? ['responses'] : []),
  ];
  return [
    ['HTTPS', tls && tlsText(tls)],
    ['canonical host', deployment.canonical_host],
    ['X-Forwarded-*', deployment.forward_headers ? 'appended to what the client sent' : null],
    [
      'client address',
      deployment.client_ip_header && `in ${deployment.client_ip_header}, of trusted proxies`,
    ],
    ['request body', bodyBytes === 0 ? null : `up to ${formatByteSize(bodyBytes)}`],
    ['buffered', buffered.join(' and ') || null],
    ['targets speak', deployment.target_protocol === 'h2c' ? 'HTTP/2 (h2c)' : null],
    ['sessions', deployment.session_affinity ? 'stay with the target they began at' : null],
    ['error pages', deployment.error_pages],
    ['no metrics of', excluded.join(', ') || null],
    ['rollout', rollout && rolloutText(rollout)],
  ];
}

function tlsText(tls: NonNullable<DeploymentStatus['tls']>): string {
  const hsts = tls.hsts_seconds === 0 ? [] : [`HSTS for ${formatDuration(tls.hsts_seconds * 1_000)}`];
  return [
    tls.redirect ? 'HTTP is redirected' : 'HTTP is served, too',
    ...hsts,
    ...(tls.own_certificate ? ['with a certificate of its own'] : []),
    ...(tls.staging ? ['staging certificates'] : []),
    ...(tls.on_demand_url ? [`on demand, asking ${tls.on_demand_url}`] : []),
  ].join(', ');
}

export function rolloutText({
  targets,
  percent,
  list,
  cookie,
}: NonNullable<DeploymentStatus['rollout']>): string {
  const named = list.length === 0 ? '' : ` and ${list.length} named`;
  return `${percent}% of its users${named} to ${targets.join(', ')} (by the cookie ${cookie})`;
}

/** What became of the targets that were there before. */
export function drainedLines({ replaced, cut }: Deployed, drainTimeoutMs: number | undefined): string[] {
  const after = drainTimeoutMs === undefined ? 'the drain timeout' : formatDuration(drainTimeoutMs);
  return [
    ...(replaced.length > 0 ? [`drained ${replaced.join(', ')}`] : []),
    ...(cut > 0 ? [`cut ${requestsText(cut)} that had not ended after ${after}`] : []),
  ];
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

/** What a pause or a stop has waited for in vain; empty where nothing runs any more. */
export function stillRunningText({ in_flight: running }: Pick<ServiceStatus, 'in_flight'>): string {
  return running === 0 ? '' : `${requestsText(running)} that began before still run\n`;
}
