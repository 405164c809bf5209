/** Where projects answer, for people to click: what our own proxy was told, or what a found one says it listens on. */
import { formatAuthority } from '../base/host-name.ts';
import { parseIpAddress } from '../base/ip-range.ts';
import { createProxyClient } from '../proxy/client/index.ts';
import type { LumaConfig } from './config/settings.ts';

export interface Listener {
  readonly host: string;
  readonly port: number;
}

export interface PublicPlaces {
  /** Null while it is not known where the proxy listens. */
  urlOf(hostname: string): string | null;
  proxyUrls(): readonly string[];
  /** Asks the proxy; what was known stays when it does not answer. */
  refresh(): Promise<void>;
}

const HTTP_PORT = 80;

export function publicPlaces(socketPath: string, own: LumaConfig | null): PublicPlaces {
  const client = createProxyClient({ socketPath });
  let listeners: readonly Listener[] = own ? [{ host: own.httpHost, port: own.httpPort }] : [];
  return {
    urlOf: (hostname) => (listeners[0] ? urlAt(hostname, listeners[0].port) : null),
    proxyUrls: () => listeners.map(({ host, port }) => `http://${formatAuthority(host, port)}`),
    refresh: async () => {
      if (own) return;
      const status = await client.status().catch(() => null);
      if (status) listeners = status.listeners.filter(({ tls }) => !tls);
    },
  };
}

/** `*.example.com` is no place to go to. */
function urlAt(hostname: string, port: number): string | null {
  if (hostname.includes('*')) return null;
  const isIpv6 = parseIpAddress(hostname)?.family === 6;
  const host = isIpv6 ? `[${hostname}]` : hostname;
  return port === HTTP_PORT ? `http://${host}` : `http://${host}:${port}`;
}
