/** What the API refused, or why it could not be asked. */
import { LumaError } from '../../base/errors.ts';
import type { FieldProblemJson, ProblemJson } from './contract.ts';

export class ApiError extends LumaError {
  /** HTTP status; 0 when nothing answered. */
  readonly status: number;
  /** One entry per bad field, each with its stable code. */
  readonly errors: readonly FieldProblemJson[];

  constructor(problem: Omit<ProblemJson, 'type' | 'title'>, cause?: unknown) {
    const { code, detail, hint, errors = [], details = {} } = problem;
    super(code, detail, { ...(hint === undefined ? {} : { hint }), cause, fields: errors, details });
    this.name = 'ApiError';
    this.status = problem.status;
    this.errors = errors;
  }
}

export function unreachable(baseUrl: string, cause: unknown): ApiError {
  const detail = `no Luma API answers at ${baseUrl}`;
  const hint = 'Start it with `luma up`, or name another with --api-url.';
  return new ApiError({ status: 0, code: 'api_unreachable', detail, hint }, cause);
}

export function notLuma(baseUrl: string, status: number, reason: string): ApiError {
  const detail = `what answers at ${baseUrl} does not speak the Luma API: ${reason}`;
  const hint = 'Check the address and its port.';
  return new ApiError({ status, code: 'api_protocol', detail, hint });
}

/** The connection ended in the middle of an answer. */
export function cutOff(baseUrl: string, cause: unknown): ApiError {
  const detail = `the connection to ${baseUrl} broke in the middle of an answer`;
  const hint = 'Luma may be restarting: try again.';
  return new ApiError({ status: 0, code: 'api_unreachable', detail, hint }, cause);
}
