/** `luma-proxy pause`: requests wait until `resume`. */
import { formatDuration } from '../../../base/duration.ts';
import { defineClientCommand, durationOf } from '../client-command.ts';
import { waitForDrainOption } from '../client-options.ts';
import { stillRunningText } from '../service-text.ts';

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
    waitForDrainOption,
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
    const waits = formatDuration(service.deployment?.max_pause_ms ?? 0);
    print(service, () => `${name} is paused: requests wait up to ${waits}\n${stillRunningText(service)}`);
  },
});
