/**
 * Asks a starting target until it answers: at once, then after 1 ms growing to 10 ms. Owns one connection at a time;
 * where a TCP connection is the answer, that very connection is handed on for the first request.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { EDGE_LIMITS } from '../limits.ts';
import type { Readiness } from '../routing/service-route.ts';
import { DeadlineSweep } from '../sockets/deadline-sweep.ts';
import type { UpstreamUser } from './target-side.ts';
import { type UpstreamAddress, UpstreamConnection, type UpstreamContext } from './upstream-connection.ts';

export interface ProbedTarget extends UpstreamAddress {
  readonly readiness: Readiness;
}

/** `connection`: open and unused, where the readiness is a connection. */
export type ProbeAnswered = (afterMs: number, connection: UpstreamConnection | null) => void;

const PAUSE_MIN_MS = 1;
const PAUSE_MAX_MS = 10;
const PAUSE_GROWTH = 1.5;
/** Who has started for a minute is asked every second or so: found ready at most a fiftieth too late. */
const LATENESS_PART = 1 / 50;

export class TargetProbe implements UpstreamUser {
  readonly #context: UpstreamContext;
  readonly #clock: Clock;
  readonly #target: ProbedTarget;
  /** Where it is asked: another port, perhaps. */
  readonly #asked: UpstreamAddress;
  readonly #onAnswered: ProbeAnswered;
  readonly #startedAtMs: number;
  readonly #epoch: number;
  readonly #onFailed: (() => void) | null;
  #connection: UpstreamConnection | null = null;
  #attemptTimer: Timer | null = null;
  #pauseTimer: Timer | null = null;
  #pauseMs = PAUSE_MIN_MS;
  #isOver = false;

  constructor(
    context: UpstreamContext,
    clock: Clock,
    target: ProbedTarget,
    onAnswered: ProbeAnswered,
    epoch = 0,
    /** The first try is the last one, and this hears that it failed. */
    onFailed: (() => void) | null = null,
  ) {
    this.#context = context;
    this.#clock = clock;
    this.#target = target;
    this.#asked = { host: target.host, port: target.readiness.port ?? target.port };
    this.#onAnswered = onAnswered;
    this.#epoch = epoch;
    this.#onFailed = onFailed;
    this.#startedAtMs = clock.monotonic();
    this.#attempt();
  }

  cancel(): void {
    this.#isOver = true;
    this.#pauseTimer?.cancel();
    this.#endAttempt();
  }

  onUpstreamOpen(): void {
    const readiness = this.#target.readiness;
    if (readiness.kind === 'connect') {
      const isOfTarget = this.#asked.port === this.#target.port;
      if (!isOfTarget) this.#connection?.drop();
      this.#succeed(isOfTarget ? this.#connection : null);
      return;
    }
    this.#connection?.expectAnswer(false);
    this.#connection?.writeText(
      `GET ${readiness.path ?? '/'} HTTP/1.1\r\n${this.#fieldLines()}Connection: close\r\n\r\n`,
    );
  }

  /** What the check names takes the place of ours. */
  #fieldLines(): string {
    const own = Object.entries(this.#target.readiness.headers ?? {});
    const named = new Set(own.map(([name]) => name.toLowerCase()));
    const standard = [
      ['Host', authorityOf(this.#asked)],
      ['User-Agent', 'luma-probe'],
      ['Accept', '*/*'],
    ] as const;
    const lines = [...standard.filter(([name]) => !named.has(name.toLowerCase())), ...own];
    return lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  }

  onAnswerHead(head: ResponseHead): void {
    const isWell = this.#target.readiness.path === null || (head.status >= 200 && head.status < 300);
    this.#endAttempt();
    if (isWell) this.#succeed(null);
    else this.#pause();
  }

  onUpstreamBroken(): void {
    this.#connection = null;
    this.#endAttempt();
    this.#pause();
  }

  onInterimHead(): void {}
  onAnswerBytes(): void {}
  onAnswerEnd(): void {}
  onTunnelBytes(): void {}
  onTunnelEnd(): void {}
  onUpstreamClogged(): void {}
  onUpstreamWritable(): void {}

  #attempt(): void {
    this.#attemptTimer = this.#clock.after(this.#target.readiness.timeoutMs, () => {
      this.#endAttempt();
      this.#pause();
    });
    this.#connection = new UpstreamConnection(this.#context, this.#asked, this, this.#epoch);
  }

  #endAttempt(): void {
    this.#attemptTimer?.cancel();
    this.#attemptTimer = null;
    this.#connection?.drop();
    this.#connection = null;
  }

  #pause(): void {
    if (this.#isOver) return;
    if (this.#onFailed !== null) {
      this.#isOver = true;
      this.#onFailed();
      return;
    }
    this.#pauseTimer = this.#clock.after(this.#pauseMs, () => this.#attempt());
    this.#pauseMs = Math.min(this.#pauseMaxMs(), this.#pauseMs * PAUSE_GROWTH);
  }

  #pauseMaxMs(): number {
    const { periodMs = PAUSE_MAX_MS } = this.#target.readiness;
    const elapsedMs = this.#clock.monotonic() - this.#startedAtMs;
    return Math.min(periodMs, Math.max(PAUSE_MAX_MS, elapsedMs * LATENESS_PART));
  }

  #succeed(connection: UpstreamConnection | null): void {
    this.#isOver = true;
    this.#attemptTimer?.cancel();
    this.#connection = null;
    this.#onAnswered(this.#clock.monotonic() - this.#startedAtMs, connection);
  }
}

export type ProbeOutcome =
  | { readonly kind: 'answered'; readonly afterMs: number }
  /** The signal ended it: deadlines are the caller's. */
  | { readonly kind: 'aborted' };

/** For the daemon: one target, until it answers or the signal ends it. */
export function probeTarget(
  target: ProbedTarget,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ProbeOutcome> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve({ kind: 'aborted' });
    const sweep = new DeadlineSweep(clock, EDGE_LIMITS.sweepMs, reject);
    const onAbort = (): void => {
      probe.cancel();
      resolve({ kind: 'aborted' });
    };
    const probe = new TargetProbe(
      { limits: EDGE_LIMITS, sweep, onError: reject },
      clock,
      target,
      (afterMs, connection) => {
        connection?.dismiss();
        signal.removeEventListener('abort', onAbort);
        resolve({ kind: 'answered', afterMs });
      },
    );
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** As a `Host` field names it. */
export function authorityOf(target: UpstreamAddress): string {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  return target.port === 80 ? host : `${host}:${target.port}`;
}
