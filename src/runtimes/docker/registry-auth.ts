/** Credentials as the engine's X-Registry-Auth wants them. Pure. */
import type { RegistryCredentials } from '../../domain/registry.ts';
import { registryHost } from '../../domain/registry.ts';

/** Where Docker Hub's accounts live, by its oldest name; every other registry is its host. */
const HUB_SERVER = 'https://index.docker.io/v1/';

export function registryAuth(registry: string, credentials: RegistryCredentials): object {
  const serveraddress = registryHost(registry) === 'docker.io' ? HUB_SERVER : registry;
  switch (credentials.kind) {
    case 'password':
      return { username: credentials.username, password: credentials.password, serveraddress };
    case 'identity_token':
      return { identitytoken: credentials.token, serveraddress };
    case 'registry_token':
      return { registrytoken: credentials.token, serveraddress };
  }
}
