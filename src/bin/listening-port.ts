/** Whether a port can be had: asked before anything is started, so that the answer names the flag. */
import { LumaError } from '../base/errors.ts';
import { formatAuthority } from '../base/host-name.ts';
import type { LumaConfig } from './config/settings.ts';

/** Fails with `port_in_use`, `port_not_permitted` or `address_not_available`. */
export function checkPortIsFree(which: PortFlag, host: string, port: number): void {
  try {
    Bun.listen({ hostname: host, port, socket: { data: () => {} } }).stop(true);
  } catch (cause) {
    throw portError(which, host, port, cause);
  }
}

/** Two of Luma's own on one address: the second would find the first, and blame another program. */
export function checkAddressesDiffer(config: ListeningAddresses): void {
  const all = ownAddresses(config);
  for (const [index, one] of all.entries()) {
    const other = all.slice(index + 1).find((candidate) => isSameAddress(one, candidate));
    if (!other) continue;
    const message = `${one.what} and ${other.what} cannot both listen on port ${one.port}`;
    const hint = `choose another port for one of them with --${one.which}-port or --${other.which}-port`;
    throw new LumaError('config_invalid', message, { hint, details: { port: one.port } });
  }
}

type ListeningAddresses = Pick<
  LumaConfig,
  'httpHost' | 'httpPort' | 'httpsPort' | 'metricsPort' | 'apiHost' | 'apiPort'
>;

/** Which flag names its port: `--http-port`. */
export type PortFlag = 'http' | 'https' | 'metrics' | 'api';

interface OwnAddress {
  readonly which: PortFlag;
  readonly what: string;
  readonly host: string;
  readonly port: number;
}

function ownAddresses(config: ListeningAddresses): readonly OwnAddress[] {
  const { httpHost, httpsPort, metricsPort } = config;
  const addresses: OwnAddress[] = [
    { which: 'http', what: 'the proxy', host: httpHost, port: config.httpPort },
  ];
  if (httpsPort !== null) addresses.push({ which: 'https', what: 'HTTPS', host: httpHost, port: httpsPort });
  if (metricsPort !== null)
    addresses.push({ which: 'metrics', what: 'the metrics', host: '127.0.0.1', port: metricsPort });
  addresses.push({ which: 'api', what: 'the API', host: config.apiHost, port: config.apiPort });
  return addresses;
}

function isSameAddress(a: OwnAddress, b: OwnAddress): boolean {
  return a.port === b.port && (a.host === b.host || anyAddress.has(a.host) || anyAddress.has(b.host));
}

const anyAddress = new Set(['0.0.0.0', '::']);

function portError(which: PortFlag, host: string, port: number, cause: unknown): unknown {
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
    const hint = `choose an address of this machine with --${which === 'https' ? 'http' : which}-host`;
    return new LumaError('address_not_available', `${host} is no address of this machine`, {
      hint,
      cause,
      details,
    });
  }
  return cause;
}
