/** `luma-proxy status`: what the daemon is doing now. */
import type { ProxyStatus, ServiceStatus, WorkerStatus } from '../../../proxy/client/index.ts';
import { defineCommand } from '../../command.ts';
import type { Colour } from '../../table.ts';
import { formatFacts, formatTable } from '../../table.ts';
import { hasColour } from '../../terminal.ts';
import { clientOptions, proxyClient } from '../client-options.ts';
import type { ProxyContext } from '../context.ts';

export const statusCommand = defineCommand<ProxyContext>({
  name: 'status',
  summary: 'show the daemon, its workers and its services',
  options: clientOptions,
  examples: ['luma-proxy status', 'luma-proxy status --json'],
  async run(context, input) {
    const { terminal } = context;
    const status = await proxyClient(context, input).status(terminal.signal);
    if (input.isOn('json')) return terminal.writeOut(`${JSON.stringify(status)}\n`);
    terminal.writeOut(formatStatus(status, hasColour(terminal)));
  },
});

function formatStatus(status: ProxyStatus, colour: boolean): string {
  const parts = [formatDaemon(status)];
  parts.push(formatTable(['WORKER', 'PID', 'STATE', 'TABLE'], status.workers.map(workerRow), { colour }));
  parts.push(
    status.services.length === 0
      ? 'no services\n'
      : formatTable(
          ['SERVICE', 'HOSTS', 'GATE', 'IN FLIGHT', 'HELD', 'TARGETS'],
          status.services.map(serviceRow),
          { colour },
        ),
  );
  return parts.join('\n');
}

function formatDaemon(status: ProxyStatus): string {
  const addresses = status.listeners.map(
    ({ host, port, tls }) => `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
  const links = status.links.map(({ owner, ready }) => `${owner}${ready ? '' : ' (not settled)'}`);
  return formatFacts([
    ['luma-proxy', `${status.version}, process ${status.pid}, ${status.state.replace('_', ' ')}`],
    ['since', status.started_at],
    ['listens on', addresses.join(', ')],
    ['socket', status.socket_path],
    ['state', status.state_dir],
    ['linked to', links.length === 0 ? 'no control plane' : links.join(', ')],
    ['restarts', status.worker_restarts === 0 ? null : `${status.worker_restarts} of workers`],
  ]);
}

function workerRow({
  column,
  pid,
  state,
  generation,
}: WorkerStatus): (string | { text: string; colour: Colour })[] {
  const colour = state === 'serving' ? 'green' : 'yellow';
  return [String(column), String(pid), { text: state, colour }, String(generation)];
}

function serviceRow(service: ServiceStatus): (string | { text: string; colour: Colour })[] {
  const { name, hosts, traffic, gate, in_flight: inFlight, held, targets } = service;
  const colour = gate === 'open' ? 'green' : 'dim';
  const shown = targets.map(({ address, state }) => (state === 'ready' ? address : `${address} (${state})`));
  const hostTexts = hosts.map((host) => host || 'every host');
  return [
    name,
    hostTexts.join(','),
    // An operator's word is above the gate's.
    traffic === 'forward' ? { text: gate, colour } : { text: traffic, colour: 'yellow' },
    String(inFlight),
    String(held),
    shown.join(',') || '-',
  ];
}
