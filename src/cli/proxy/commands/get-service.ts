/** `luma-proxy get-service` */
import { defineClientCommand } from '../client-command.ts';
import { serviceFacts } from '../service-text.ts';

export const getServiceCommand = defineClientCommand({
  name: 'get-service',
  summary: 'show one service: its targets, state and settings',
  args: [{ name: 'service', summary: 'its name', completes: 'service' }],
  examples: ['luma-proxy get-service shop', 'luma-proxy get-service shop --json'],
  async run({ client, signal, print }, input) {
    const service = await client.getService(input.arg('service'), signal);
    print(service, () => serviceFacts(service));
  },
});
