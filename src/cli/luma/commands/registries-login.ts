/** `luma registries login` */
import { defineApiCommand } from '../context.ts';
import { readCredentials } from '../registry-input.ts';

export const registriesLogin = defineApiCommand({
  name: 'registries login',
  summary: 'let Luma pull private images from a registry; the password is asked for, and kept encrypted',
  args: [
    { name: 'registry', summary: 'as in image references: ghcr.io, localhost:5000; docker.io: Docker Hub' },
  ],
  options: [
    { name: 'username', short: 'u', placeholder: 'name', summary: 'who logs in' },
    { name: 'password-stdin', summary: 'read the password from standard input instead of asking for it' },
    { name: 'identity-token-stdin', summary: 'read an identity token instead of a password' },
    { name: 'registry-token-stdin', summary: 'read a token that the registry takes as it is' },
    { name: 'unverified', summary: 'do not ask the registry whether it takes them' },
  ],
  examples: [
    'luma registries login ghcr.io --username ops',
    'luma registries login docker.io -u ops --password-stdin <token.txt',
  ],
  run: async (context, input) => {
    const credentials = await readCredentials(context.terminal, input);
    const host = input.arg('registry');
    const registry = await context.client.putRegistry(host, credentials, {
      signal: context.signal,
      verify: !input.isOn('unverified'),
    });
    context.print(registry, () => `Luma logs in to ${registry.host} from now on\n`);
  },
});
