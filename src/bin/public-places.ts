/** Where projects answer, for people to click: what our own proxy was told, or what a found one says it listens on. */
import { formatAuthority } from '../base/host-name.ts';
import { parseIpAddress } from '../base/ip-range.ts';
import { createProxyClient } from '../proxy/client/index.ts';
import type { LumaConfig } from './config/settings.ts';

export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export interface PublicPlaces {
  /** Null while it is not known where the proxy listens; `https:` for who wants it, where the proxy has it. */
  urlOf(hostname: string, isSecure: boolean): string | null;
  proxyUrls(): readonly string[];
  /** Asks the proxy; what was known stays when it does not answer. */
  refresh(): Promise<void>;
}

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

export function publicPlaces(socketPath: string, own: LumaConfig | null): PublicPlaces {
  const client = createProxyClient({ socketPath });
  let listeners: readonly Listener[] = own ? ownListeners(own) : [];
  return {
    urlOf: (hostname, isSecure) => {
      const plain = listeners.find(({ tls }) => !tls);
      const listener = (isSecure && listeners.find(({ tls }) => tls)) || plain;
      return listener ? urlAt(hostname, listener) : null;
    },
    proxyUrls: () =>
      listeners.map(({ host, port, tls }) => `${tls ? 'https' : 'http'}://${formatAuthority(host, port)}`),
    refresh: async () => {
      if (own) return;
      const status = await client.status().catch(() => null);
      if (status) listeners = status.listeners;
    },
  };
}

function ownListeners({ httpHost: host, httpPort, httpsPort }: LumaConfig): readonly Listener[] {
  const plain = { host, port: httpPort, tls: false };
  return httpsPort === null ? [plain] : [plain, { host, port: httpsPort, tls: true }];
}

/** `*.example.com` is no place to go to. */
function urlAt(hostname: string, { port, tls }: Listener): string | null {
  if (hostname.includes('*')) return null;
  const isIpv6 = parseIpAddress(hostname)?.family === 6;
  const place = `${tls ? 'https' : 'http'}://${isIpv6 ? `[${hostname}]` : hostname}`;
  return port === (tls ? HTTPS_PORT : HTTP_PORT) ? place : `${place}:${port}`;
}
