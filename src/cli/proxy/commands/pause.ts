/** `luma-proxy pause`: requests wait until `resume`. */
import { formatDuration } from '../../../base/duration.ts';
import { defineClientCommand, durationOf } from '../client-command.ts';
import { requestsText } from '../service-text.ts';

export const pauseCommand = defineClientCommand({
  name: 'pause',
  summary: 'hold the requests of a service until resume; returns when none runs any more',
  args: [{ name: 'service', summary: 'its name', completes: 'service' }],
  options: [
    {
      name: 'max-pause',
      placeholder: 'duration',
      summary: 'how long a request waits before it gets 503 (default: 30s)',
    },
    {
      name: 'drain-timeout',
      placeholder: 'duration',
      summary: 'how long to wait for running requests; they are not cut (default: 30s)',
    },
  ],
  examples: ['luma-proxy pause shop', 'luma-proxy pause shop --max-pause 2m'],
  async run({ client, signal, print, progress }, input) {
    const name = input.arg('service');
    const wanted = {
      max_pause_ms: durationOf(input, 'max-pause'),
      drain_timeout_ms: durationOf(input, 'drain-timeout'),
    };
    progress(`pausing ${name}`);
    const service = await client.pause(name, wanted, signal);
    const { in_flight: running, deployment } = service;
    const waits = formatDuration(deployment?.max_pause_ms ?? 0);
    const still = running === 0 ? '' : `${requestsText(running)} that began before still run\n`;
    print(service, () => `${name} is paused: requests wait up to ${waits}\n${still}`);
  },
});
