/** `luma-proxy remove`: a service, or one of its hosts. */
import { wrongUse } from '../../command-input.ts';
import { defineClientCommand, durationOf } from '../client-command.ts';
import { hostsText, requestsText } from '../service-text.ts';

export const removeCommand = defineClientCommand({
  name: 'remove',
  summary: 'take a service, or one of its hosts, out of the proxy; new requests get 404',
  args: [{ name: 'service', summary: 'its name', completes: 'service' }],
  options: [
    { name: 'host', placeholder: 'hostname', summary: 'only this host; the service stays' },
    {
      name: 'drain-timeout',
      placeholder: 'duration',
      summary: 'how long running requests may go on before they are cut (default: 30s)',
    },
  ],
  examples: ['luma-proxy remove shop', 'luma-proxy remove shop --host old.example.com'],
  async run({ client, signal, print, progress }, input) {
    const name = input.arg('service');
    const host = input.text('host');
    const drainTimeoutMs = durationOf(input, 'drain-timeout');
    if (host !== undefined) {
      if (drainTimeoutMs !== undefined) {
        throw wrongUse('--drain-timeout has no meaning with --host', 'requests that run are not touched');
      }
      const removed = await client.removeHost(name, host, signal);
      const left = removed.service ? hostsText(removed.service) : '';
      return print(removed, () => `${name} no longer serves ${host}, still ${left}\n`);
    }
    progress(`removing ${name}`);
    const removed = await client.remove(name, { drain_timeout_ms: drainTimeoutMs }, signal);
    const cut = removed.cut === 0 ? '' : `; cut ${requestsText(removed.cut)} that had not ended`;
    print(removed, () => `${name} is removed${cut}\n`);
  },
});
