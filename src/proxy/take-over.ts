/** How the next daemon on a state directory begins: with the lock, asked for from the one that has it. */
import type { Clock } from '../base/clock.ts';
import { delay } from '../base/clock.ts';
import { isLumaError, LumaError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createProxyClient } from './client/proxy-client.ts';
import { HAND_OVER_PERIOD_MS, HAND_OVER_TIMEOUT_MS } from './limits.ts';
import { StateLock } from './state/index.ts';

export interface TakeOverOptions {
  readonly stateDir: string;
  readonly socketPath: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface TakenLock {
  readonly lock: StateLock;
  /** Processes that the last daemon left behind for this one. */
  readonly announced: readonly number[];
}

/** Rejects with `state_dir_in_use` when the daemon that has it does not give it up. */
export async function takeLock(options: TakeOverOptions): Promise<TakenLock> {
  const { stateDir, socketPath, log } = options;
  try {
    return { lock: StateLock.take(stateDir, socketPath), announced: [] };
  } catch (error) {
    if (!isLumaError(error, 'state_dir_in_use')) throw error;
    const { pid, socketPath: holderPath } = error.details;
    if (typeof holderPath !== 'string') throw error;
    log.info('taking over from the daemon that runs', { pid });
    const announced = await askFor(holderPath, error);
    return { lock: await waitForLock(options), announced };
  }
}

async function askFor(socketPath: string, inUse: LumaError): Promise<readonly number[]> {
  try {
    return (await createProxyClient({ socketPath }).handOver()).pids;
  } catch (cause) {
    throw new LumaError('state_dir_in_use', `${inUse.message}, and does not hand over: ${messageOf(cause)}`, {
      hint: inUse.hint ?? '',
      cause,
      details: inUse.details,
    });
  }
}

async function waitForLock({ stateDir, socketPath, clock }: TakeOverOptions): Promise<StateLock> {
  const deadlineMs = clock.monotonic() + HAND_OVER_TIMEOUT_MS;
  for (;;) {
    try {
      return StateLock.take(stateDir, socketPath);
    } catch (error) {
      if (!isLumaError(error, 'state_dir_in_use') || clock.monotonic() > deadlineMs) throw error;
      await delay(clock, HAND_OVER_PERIOD_MS);
    }
  }
}
