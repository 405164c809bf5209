/** `luma-proxy resume`: ends a pause or a stop. */
import { defineClientCommand } from '../client-command.ts';

export const resumeCommand = defineClientCommand({
  name: 'resume',
  summary: 'let the requests of a paused or stopped service through again',
  args: [{ name: 'service', summary: 'its name', completes: 'service' }],
  examples: ['luma-proxy resume shop'],
  async run({ client, signal, print }, input) {
    const service = await client.resume(input.arg('service'), signal);
    print(service, () => `${service.name} serves again\n`);
  },
});
