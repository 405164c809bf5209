/**
 * Whether a target is well before anything is sent to it: a TCP connection, or a 2xx answer at a path. Tries again until
 * the time is over, and then says what it met last. Owns one attempt at a time.
 */
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import { HEALTH_CHECK_FIRST_PAUSE_MS } from '../limits.ts';
import type { HealthCheck as CheckWords, Deployment } from '../services/deployment.ts';
import { addressText } from '../workers/listening-socket.ts';
import { statusOverHttp2 } from './http2-check.ts';

const USER_AGENT = 'luma-proxy health check';

/** As the service says it. */
export type HealthCheck = CheckWords & Pick<Deployment, 'targetProtocol'>;

export interface CheckedTarget {
  readonly host: string;
  readonly port: number;
}

export interface CheckOptions {
  readonly clock: Clock;
  /** For all attempts together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Where that is not the time of an attempt: tests. */
  readonly attempt?: typeof attemptOnce;
}

/** What an attempt met; null: the target is well. */
export interface Illness {
  readonly status: number | null;
  readonly error: string | null;
}

/** Rejects with `target_unhealthy` when the time is over, or with the signal's reason. */
export async function waitUntilHealthy(
  target: CheckedTarget,
  check: HealthCheck,
  { clock, timeoutMs, signal, attempt = attemptOnce }: CheckOptions,
): Promise<void> {
  const deadlineMs = clock.monotonic() + timeoutMs;
  let pauseMs = Math.min(HEALTH_CHECK_FIRST_PAUSE_MS, check.intervalMs);
  let lastWhole: Illness | null = null;
  for (let attempts = 1; ; attempts += 1) {
    signal.throwIfAborted();
    const leftMs = deadlineMs - clock.monotonic();
    const illness = await attempt(
      target,
      check,
      clock,
      Math.min(check.timeoutMs, Math.max(1, leftMs)),
      signal,
    );
    if (illness === null) return;
    signal.throwIfAborted();
    // An attempt that the deadline cut short says less than the one before it.
    if (leftMs >= check.timeoutMs || illness.status !== null) lastWhole = illness;
    if (clock.monotonic() + pauseMs >= deadlineMs)
      throw unhealthy(target, check, lastWhole ?? illness, attempts, timeoutMs);
    await delay(clock, pauseMs, signal);
    pauseMs = Math.min(check.intervalMs, pauseMs * 2);
  }
}

async function attemptOnce(
  target: CheckedTarget,
  check: HealthCheck,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Illness | null> {
  const late = new AbortController();
  const timer = clock.after(timeoutMs, () => late.abort());
  const ends = AbortSignal.any([late.signal, signal]);
  try {
    const { path } = check;
    return path === null ? await connect(target, check, ends) : await ask(target, { ...check, path }, ends);
  } catch (error) {
    const error_ = late.signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
    return { status: null, error: error_ };
  } finally {
    timer.cancel();
  }
}

function connect(target: CheckedTarget, { port }: HealthCheck, ends: AbortSignal): Promise<null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(ends.reason);
    ends.addEventListener('abort', onAbort, { once: true });
    const isOver = (): void => ends.removeEventListener('abort', onAbort);
    Bun.connect({
      hostname: target.host,
      port: port ?? target.port,
      // A connect cannot be cancelled: one that opens too late is closed like any other.
      socket: { data: () => {}, open: (socket) => void socket.end() },
    }).then(
      () => {
        isOver();
        resolve(null);
      },
      (error: unknown) => {
        isOver();
        reject(error);
      },
    );
  });
}

async function ask(
  target: CheckedTarget,
  check: HealthCheck & { path: string },
  ends: AbortSignal,
): Promise<Illness | null> {
  const address = addressText({ hostname: target.host, port: check.port ?? target.port });
  // What listens on a port of its own for checks is hardly ever what speaks HTTP/2.
  if (check.targetProtocol === 'h2c' && (check.port ?? target.port) === target.port) {
    const authority = check.host ?? address;
    const asked = { address, path: check.path, authority, userAgent: USER_AGENT };
    const status = await statusOverHttp2(asked, ends);
    return status >= 200 && status < 300 ? null : { status, error: null };
  }
  const response = await fetch(`http://${address}${check.path}`, {
    headers: {
      ...(check.host === null ? {} : { host: check.host }),
      'user-agent': USER_AGENT,
      connection: 'close',
    },
    redirect: 'manual',
    signal: ends,
    keepalive: false,
  });
  await response.body?.cancel();
  return response.ok ? null : { status: response.status, error: null };
}

function reasonOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === 'ECONNREFUSED' || code === 'ConnectionRefused') return 'connection refused';
  return messageOf(error);
}

function unhealthy(
  target: CheckedTarget,
  check: HealthCheck,
  { status, error }: Illness,
  attempts: number,
  timeoutMs: number,
): LumaError {
  const address = addressText({ hostname: target.host, port: target.port });
  const met = status === null ? `last error: ${error}` : `last status: ${status}`;
  const asked = check.path === null ? 'a connection' : `GET ${check.path}`;
  return new LumaError(
    'target_unhealthy',
    `the target ${address} is not healthy after ${timeoutMs} ms of ${asked}: ${met}`,
    {
      hint: 'nothing was changed; see that the app listens there, give it more time with --deploy-timeout, or skip the check with --force',
      details: { target: address, last_status: status, last_error: error, attempts },
    },
  );
}
