/** Image registries that want to know who asks: their names, and what they are told. Pure. */

/** As Docker's X-Registry-Auth knows them. */
export type RegistryCredentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** What a registry gave a client to log in with later: exchanged for a short-lived one at each pull. */
  | { readonly kind: 'identity_token'; readonly token: string }
  /** Sent to the registry as it is. */
  | { readonly kind: 'registry_token'; readonly token: string };

export interface RegistryLogin {
  /** Normal form: see `registryHost`. */
  readonly host: string;
  readonly credentials: RegistryCredentials;
  /** Milliseconds since the Unix epoch. */
  readonly updatedAt: number;
}

/** All of them are Docker Hub. */
const HUB = 'docker.io';
const hubNames: readonly string[] = [
  HUB,
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
];
const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const pattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:]+\\])(?::(\\d{1,5}))?$`);
const HOST_LENGTH_MAX = 255;
const PORT_MAX = 65_535;

/**
 * The name that a registry has in image references: `ghcr.io`, `localhost:5000`; `https://index.docker.io/v1/` and its
 * like are `docker.io`, as for `docker login`. Null where it is none.
 */
export function registryHost(text: string): string | null {
  const [host = ''] = text
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .split('/');
  const [whole, port] = pattern.exec(host) ?? [];
  if (whole === undefined || host.length > HOST_LENGTH_MAX) return null;
  if (port !== undefined && (Number(port) === 0 || Number(port) > PORT_MAX)) return null;
  return hubNames.includes(host) ? HUB : host;
}
