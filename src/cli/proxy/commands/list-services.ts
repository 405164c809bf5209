/** `luma-proxy list-services` */
import { defineClientCommand } from '../client-command.ts';
import { serviceHead, serviceRow } from '../service-text.ts';

export const listServicesCommand = defineClientCommand({
  name: 'list-services',
  summary: 'list all services, those of control planes too',
  examples: ['luma-proxy list-services', 'luma-proxy list-services --json'],
  async run({ client, signal, print, table }) {
    const services = await client.listServices(signal);
    print(services, () =>
      services.length === 0
        ? 'no services: luma-proxy deploy --help shows how to begin\n'
        : table(serviceHead, services.map(serviceRow)),
    );
  },
});
