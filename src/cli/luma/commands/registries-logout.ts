/** `luma registries logout` */
import { defineApiCommand } from '../context.ts';

export const registriesLogout = defineApiCommand({
  name: 'registries logout',
  summary: 'forget the credentials for a registry',
  args: [{ name: 'registry', summary: 'one of `luma registries list`' }],
  examples: ['luma registries logout ghcr.io'],
  run: async (context, input) => {
    const host = input.arg('registry');
    await context.client.removeRegistry(host, { signal: context.signal });
    context.print({ host, removed: true }, () => `forgot the credentials for ${host}\n`);
  },
});
