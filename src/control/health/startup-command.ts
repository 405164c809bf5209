/** Runs the startup command of an instance until it ends with 0: often at first, ever more seldom, at most once in a period. */
import { type Clock, delay } from '../../base/clock.ts';
import { isLumaError } from '../../base/errors.ts';
import type { ProbeCheck, StartupProbe } from '../../domain/probe.ts';
import type { Runtime } from '../../runtimes/contract.ts';
import { STARTUP_LATENESS_PART, STARTUP_PAUSE_FIRST_MS, STARTUP_PAUSE_GROWTH } from './limits.ts';

export interface StartupCommand {
  readonly instanceId: string;
  readonly startup: StartupProbe & { readonly check: Extract<ProbeCheck, { kind: 'exec' }> };
  /** The start is given up: its time is over, or nobody wants it any more. */
  readonly signal: AbortSignal;
}

/** Rejects when the instance has ended, the engine is away, or with the signal's reason. */
export async function untilStartedUp(
  { clock, runtime }: { readonly clock: Clock; readonly runtime: Pick<Runtime, 'exec'> },
  { instanceId, startup, signal }: StartupCommand,
): Promise<void> {
  const { check, timeoutMs, periodMs } = startup;
  const beganMs = clock.monotonic();
  for (let pauseMs = STARTUP_PAUSE_FIRST_MS; ; pauseMs *= STARTUP_PAUSE_GROWTH) {
    const code = await codeOf(runtime.exec(instanceId, check.command, { timeoutMs, signal }));
    if (code === 0) return;
    const lateMs = (clock.monotonic() - beganMs) * STARTUP_LATENESS_PART;
    await delay(clock, Math.min(periodMs, pauseMs, Math.max(STARTUP_PAUSE_FIRST_MS, lateMs)), signal);
  }
}

/** A refusal that will pass is a failure like any other. */
async function codeOf(outcome: Promise<{ readonly code: number | null }>): Promise<number | null> {
  try {
    return (await outcome).code;
  } catch (error) {
    if (isLumaError(error, 'runtime_failed')) return null;
    throw error;
  }
}

export function isCommand(startup: StartupProbe | null): startup is StartupCommand['startup'] {
  return startup?.check.kind === 'exec';
}
