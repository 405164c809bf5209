/** `luma-proxy stop`: 503 to everyone until `resume`. */
import { defineClientCommand, durationOf } from '../client-command.ts';
import { waitForDrainOption } from '../client-options.ts';
import { stillRunningText } from '../service-text.ts';

export const stopCommand = defineClientCommand({
  name: 'stop',
  summary: 'answer the requests of a service with 503 until resume; returns when none runs any more',
  args: [{ name: 'service', summary: 'its name', completes: 'service' }],
  options: [{ name: 'message', placeholder: 'text', summary: 'what clients read' }, waitForDrainOption],
  examples: ['luma-proxy stop shop', 'luma-proxy stop shop --message "Back at nine."'],
  async run({ client, signal, print, progress }, input) {
    const name = input.arg('service');
    const message = input.text('message');
    const drainTimeoutMs = durationOf(input, 'drain-timeout');
    progress(`stopping ${name}`);
    const service = await client.stop(name, { message, drain_timeout_ms: drainTimeoutMs }, signal);
    print(
      service,
      () =>
        `${name} is stopped: everyone gets 503 until luma-proxy resume ${name}\n${stillRunningText(service)}`,
    );
  },
});
