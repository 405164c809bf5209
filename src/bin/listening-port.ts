/** Whether a port can be had: asked before anything is started, so that the answer names the flag. */
import { LumaError } from '../base/errors.ts';
import { formatAuthority } from '../base/host-name.ts';
import type { LumaConfig } from './config/settings.ts';

/** Fails with `port_in_use`, `port_not_permitted` or `address_not_available`. */
export function checkPortIsFree(which: 'http' | 'api', host: string, port: number): void {
  try {
    Bun.listen({ hostname: host, port, socket: { data: () => {} } }).stop(true);
  } catch (cause) {
    throw portError(which, host, port, cause);
  }
}

/** Two of Luma's own on one address: the second would find the first, and blame another program. */
export function checkAddressesDiffer(config: ListeningAddresses): void {
  const { httpHost, httpPort, apiHost, apiPort } = config;
  const overlap = httpHost === apiHost || anyAddress.has(httpHost) || anyAddress.has(apiHost);
  if (httpPort !== apiPort || !overlap) return;
  const message = `the proxy and the API cannot both listen on port ${apiPort}`;
  const hint = 'choose another port for one of them with --http-port or --api-port';
  throw new LumaError('config_invalid', message, { hint, details: { port: apiPort } });
}

type ListeningAddresses = Pick<LumaConfig, 'httpHost' | 'httpPort' | 'apiHost' | 'apiPort'>;

const anyAddress = new Set(['0.0.0.0', '::']);

function portError(which: 'http' | 'api', host: string, port: number, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const details = { host, port };
  if (code === 'EADDRINUSE') {
    const hint = `stop what uses it, or choose another port with --${which}-port`;
    return new LumaError('port_in_use', `port ${port} on ${host} is in use`, { hint, cause, details });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = `ports below 1024 need root: choose another with --${which}-port`;
    const message = `this user may not listen on ${formatAuthority(host, port)}`;
    return new LumaError('port_not_permitted', message, { hint, cause, details });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    const hint = `choose an address of this machine with --${which}-host`;
    return new LumaError('address_not_available', `${host} is no address of this machine`, {
      hint,
      cause,
      details,
    });
  }
  return cause;
}
