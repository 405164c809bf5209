/** One request over the management socket: trust, deadline, what went wrong in words. It owns no state. */
import type { z } from 'zod';
import { delay, systemClock } from '../../base/clock.ts';
import { isLumaError, LumaError } from '../../base/errors.ts';
import { COMMAND_TIMEOUT_MS, HAND_OVER_RETRY_MS, HAND_OVER_RETRY_PERIOD_MS } from '../limits.ts';
import { errorOfProblem, problemSchema } from './problem-schema.ts';
import { checkSocketTrust, isRefusedConnection, unreachable, wentAway } from './socket-trust.ts';

export interface ManagementRequest<T> {
  readonly method: string;
  readonly path: string;
  readonly schema: z.ZodType<T>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export async function ask<T>(socketPath: string, request: ManagementRequest<T>): Promise<T> {
  const { method, path, body, signal, schema, timeoutMs = COMMAND_TIMEOUT_MS } = request;
  await checkSocketTrust(socketPath);
  const deadline = AbortSignal.timeout(timeoutMs);
  const response = await fetch(`http://luma-proxy${path}`, {
    method,
    unix: socketPath,
    // A kept connection would lead to the daemon before, after a take-over.
    keepalive: false,
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch((error) => {
    if (signal?.aborted) throw signal.reason;
    if (deadline.aborted) throw tooLate(socketPath, timeoutMs);
    if (method === 'GET' || isRefusedConnection(error)) throw unreachable(socketPath, error);
    throw wentAway(socketPath, error);
  });
  const said: unknown = await response.json().catch((error) => {
    throw nonsense(socketPath, error);
  });
  if (!response.ok) throw refusal(socketPath, said);
  const parsed = schema.safeParse(said);
  if (!parsed.success) throw nonsense(socketPath, parsed.error);
  return parsed.data;
}

/** What one daemon refuses because another takes over is said again, to that one: their socket is never without either. */
export async function askUntilTaken<T>(socketPath: string, request: ManagementRequest<T>): Promise<T> {
  const deadlineMs = systemClock.monotonic() + HAND_OVER_RETRY_MS;
  for (;;) {
    try {
      return await ask(socketPath, request);
    } catch (error) {
      if (!isLumaError(error, 'handing_over') || systemClock.monotonic() > deadlineMs) throw error;
    }
    await delay(systemClock, HAND_OVER_RETRY_PERIOD_MS, request.signal);
  }
}

function refusal(socketPath: string, said: unknown): LumaError {
  const parsed = problemSchema.safeParse(said);
  return parsed.success ? errorOfProblem(parsed.data) : nonsense(socketPath, parsed.error);
}

function tooLate(socketPath: string, timeoutMs: number): LumaError {
  return new LumaError(
    'proxy_unreachable',
    `luma-proxy did not answer on ${socketPath} within ${timeoutMs} ms`,
    { hint: 'luma-proxy list-services shows what is in force; try again' },
  );
}

function nonsense(socketPath: string, cause: unknown): LumaError {
  return new LumaError(
    'proxy_unreachable',
    `what answers on ${socketPath} is no luma-proxy of this version`,
    {
      hint: 'stop it and start luma-proxy run of this version, or name another socket with --socket-path',
      cause,
    },
  );
}
