/** The file of the access log, as the daemon and each worker open it. */
import { resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { LineFile } from '../telemetry/index.ts';

export type { LineFile };

/** Opened by the daemon too, where it is not its own: what cannot be written to is said at once, and not by each worker. */
export function openAccessLog(path: string | null, log: Log): LineFile | null {
  if (path === null) return null;
  return new LineFile({ path: accessLogPath(path), clock: systemClock, log });
}

/** `-` is stdout. */
export function accessLogPath(path: string): string {
  return path === '-' ? path : resolve(path);
}
