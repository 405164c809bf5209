/** What a bug does to a process of luma-proxy. */
import type { Log } from '../base/log.ts';

const SOFTWARE_ERROR = 70;

/** The daemon's workers serve on without it, and the next daemon takes them over; a worker is replaced. */
export function exitOnBug(log: Log): void {
  const die = (error: unknown): void => {
    log.error('this is a bug in luma-proxy', { error });
    process.exit(SOFTWARE_ERROR);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
