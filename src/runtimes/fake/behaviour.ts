/** How a scripted instance behaves. What is left out is ideal: instant, willing, faultless. */
import type { LumaError } from '../../base/errors.ts';
import type { ExecOutcome, InstanceExit, LogLine } from '../contract.ts';

/** The calls that act on one instance, and so can be scripted. */
export type FakeOperation = 'prepare' | 'start' | 'freeze' | 'thaw' | 'exec' | 'stop' | 'remove';

/** How an app ends by itself; the time is the clock's. */
export type FakeExit = Partial<Omit<InstanceExit, 'at'>>;

export interface FakeBehaviour {
  /** How long the call takes. */
  readonly prepareMs?: number;
  readonly startMs?: number;
  /** From the stop signal to the exit. */
  readonly stopMs?: number;
  /** From the return of `start` until the app answers. */
  readonly bootMs?: number;
  /** The app runs and never opens its port. */
  readonly isMute?: boolean;
  /** It goes on when it gets the stop signal. */
  readonly isDeaf?: boolean;
  /** The call fails with this error and does nothing. */
  readonly refuse?: Partial<Record<FakeOperation, LumaError>>;
  /** It ends during start: the call fails with `instance_exited`. */
  readonly exitDuringStart?: FakeExit;
  /** It crashes so long after `start` returned. */
  readonly exitAfter?: { readonly ms: number; readonly exit: FakeExit };
  /** What it prints on every start. */
  readonly prints?: (environment: Readonly<Record<string, string>>) => readonly Omit<LogLine, 'at'>[];
  /** What a command beside it does; `hangs`: nothing until its time is over. Default: it ends with 0. */
  readonly exec?: (
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) => ExecOutcome | 'hangs';
  /** Its answer, when the fake listens; default `fake <project> <instance id>`. */
  readonly respond?: (request: Request) => Response | Promise<Response>;
}
