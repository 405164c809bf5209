/** `luma-proxy rollout stop`: everybody goes to the service's own targets. */
import { defineClientCommand, durationOf } from '../client-command.ts';
import { drainedLines } from '../service-text.ts';

export const rolloutStopCommand = defineClientCommand({
  name: 'rollout stop',
  summary: 'send all users to the service’s own targets, and drain those of the rollout',
  args: [{ name: 'service', summary: 'a service with a rollout', completes: 'service' }],
  options: [
    {
      name: 'drain-timeout',
      placeholder: 'duration',
      summary: 'how long requests at its targets may go on before they are cut (default: 30s)',
    },
  ],
  examples: ['luma-proxy rollout stop shop'],
  async run({ client, signal, print, progress }, input) {
    const name = input.arg('service');
    const drainTimeoutMs = durationOf(input, 'drain-timeout');
    progress(`stopping the rollout of ${name}`);
    const stopped = await client.stopRollout(name, { drain_timeout_ms: drainTimeoutMs }, signal);
    const lines = [`${name} has no rollout any more`, ...drainedLines(stopped, drainTimeoutMs)];
    print(stopped, () => `${lines.join('\n')}\n`);
  },
});
