/** `luma registries list` */
import { defineApiCommand } from '../context.ts';

export const registriesList = defineApiCommand({
  name: 'registries list',
  summary: 'list the image registries that Luma logs in to',
  isDefault: true,
  examples: ['luma registries', 'luma registries list --json'],
  run: async (context) => {
    const registries = await context.client.registries({ signal: context.signal });
    const rows = registries.map(({ host, auth, username, updated_at: at }) => [host, username ?? auth, at]);
    context.print(registries, () => context.table(['REGISTRY', 'AS', 'SINCE'], rows));
  },
});
