/** Refusals as problem documents (RFC 9457) with a stable `code`. The client's end is `client/problem-schema.ts`. */
import { LumaError } from '../../base/errors.ts';
import type { Problem } from '../client/problem-schema.ts';
import { toWireError } from '../link/wire-error.ts';

/** Every other refusal is a 409: the daemon's state does not allow it. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  command_invalid: 422,
  service_not_found: 404,
  host_not_found: 404,
  certificate_not_found: 404,
  rollout_not_found: 404,
  error_pages_unusable: 422,
  not_found: 404,
  method_not_allowed: 405,
  handing_over: 503,
  too_many_commands: 503,
  internal_error: 500,
  state_not_saved: 500,
};

const TITLES: Readonly<Record<number, string>> = {
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

export function problemResponse(error: unknown): Response {
  const { code, message, hint, details } = toWireError(error);
  const status = STATUS_OF_CODE[code] ?? 409;
  const fields = error instanceof LumaError ? error.fields : [];
  const problem: Problem = {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    code,
    detail: message,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
    ...(fields.length === 0
      ? {}
      : { errors: fields.map(({ field, message: text }) => ({ field, message: text })) }),
  };
  return Response.json(problem, { status, headers: { 'content-type': 'application/problem+json' } });
}
