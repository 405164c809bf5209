/** Whether a target is one of Luma's own listeners: a proxy that is its own target would send a request round for ever. */
import { networkInterfaces } from 'node:os';
import { LumaError } from '../../base/errors.ts';
import type { TargetSpec } from '../client/contract.ts';

export interface OwnListener {
  readonly hostname: string;
  readonly port: number;
}

/** Throws `target_is_luma`. */
export function refuseOwnListener(
  target: Pick<TargetSpec, 'host' | 'port'>,
  listeners: readonly OwnListener[],
): void {
  const own = listeners.find((listener) => listener.port === target.port && reaches(target.host, listener));
  if (!own) return;
  throw new LumaError('target_is_luma', `${target.host}:${target.port} is luma-proxy itself`, {
    hint: 'name the address that the app listens on',
    details: { host: target.host, port: target.port },
  });
}

function reaches(host: string, listener: OwnListener): boolean {
  const name = host.toLowerCase();
  if (name === listener.hostname) return true;
  const isWildcard = listener.hostname === '0.0.0.0' || listener.hostname === '::';
  if (isWildcard) return isLocal(name);
  return isLoopback(listener.hostname) && (name === 'localhost' || name === '0.0.0.0' || name === '::');
}

function isLocal(host: string): boolean {
  if (host === 'localhost' || host === '0.0.0.0' || host === '::' || isLoopback(host)) return true;
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === host),
  );
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.');
}
