/** The only place where the API turns an error into an answer: RFC 9457 problem documents. */
import { type FieldProblem, isLumaError, LumaError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FieldProblemJson, ProblemJson } from './schemas/responses.ts';

interface Row {
  readonly status: number;
  readonly title: string;
  /** The field an error of this code is about, where it does not name one itself. */
  readonly field?: string;
  /** Seconds after which a retry may work. */
  readonly retryAfter?: number;
}

/** Every code the API answers with. A code that is missing here is answered by `rowFor`. */
export const problemTable: Readonly<Record<string, Row>> = {
  invalid_json: { status: 400, title: 'The body is not JSON' },
  body_too_deep: { status: 400, title: 'The body is nested too deep' },
  host_refused: { status: 403, title: 'Not the API of this host' },
  origin_refused: { status: 403, title: 'Not for other web pages' },
  peer_refused: { status: 403, title: 'Not for this user' },
  not_found: { status: 404, title: 'No such path' },
  project_not_found: { status: 404, title: 'No such project' },
  registry_not_found: { status: 404, title: 'No credentials for this registry' },
  revision_not_found: { status: 404, title: 'No such revision', field: 'revision' },
  method_not_allowed: { status: 405, title: 'No such method here' },
  project_exists: { status: 409, title: 'The name is taken', field: 'name' },
  hostname_taken: { status: 409, title: 'The hostname is taken', field: 'hostname' },
  project_busy: { status: 409, title: 'The project is busy' },
  project_kept_awake: { status: 409, title: 'The project never sleeps' },
  project_depended_on: { status: 409, title: 'Other projects depend on it' },
  project_stopped: { status: 409, title: 'The project is stopped' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'Not a type the API reads' },
  validation_failed: { status: 422, title: 'Some fields cannot be accepted' },
  dependency_unknown: { status: 422, title: 'No such project to depend on', field: 'depends_on' },
  dependency_cycle: { status: 422, title: 'Projects depend on each other in a circle', field: 'depends_on' },
  runtime_cannot_run_images: { status: 422, title: 'This runtime runs no images', field: 'docker_image' },
  image_not_found: { status: 422, title: 'No such image', field: 'docker_image' },
  internal_error: { status: 500, title: 'A bug in Luma' },
  sleep_failed: { status: 500, title: 'It could not be put to sleep' },
  key_file_unwritable: { status: 500, title: 'The key file cannot be written' },
  key_file_unreadable: { status: 500, title: 'The key file cannot be read' },
  store_unreadable: { status: 500, title: 'The database is damaged' },
  registry_login_denied: { status: 422, title: 'The registry does not take the credentials' },
  registry_unreachable: { status: 502, title: 'The registry cannot be reached' },
  wake_failed: { status: 502, title: 'The instance did not start' },
  shutting_down: { status: 503, title: 'Luma is shutting down', retryAfter: 5 },
  proxy_unavailable: { status: 503, title: 'The proxy cannot be reached', retryAfter: 1 },
  runtime_unavailable: { status: 503, title: 'The runtime cannot be reached', retryAfter: 5 },
  store_busy: { status: 503, title: 'The database is locked', retryAfter: 1 },
  store_unavailable: { status: 503, title: 'The database cannot be used', retryAfter: 5 },
  too_many_streams: { status: 503, title: 'Too many streams are open', retryAfter: 5 },
  wake_timeout: { status: 504, title: 'The instance did not answer in time' },
  store_full: { status: 507, title: 'The disk is full' },
};

export function problemResponse(error: unknown, log: Log, headers: Record<string, string> = {}): Response {
  const problem = toProblem(error, log);
  const { retryAfter } = problemTable[problem.code] ?? {};
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      'Content-Type': 'application/problem+json',
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
      ...headers,
    },
  });
}

export function toProblem(error: unknown, log: Log): ProblemJson {
  const known = isLumaError(error) ? error : internalError(error, log);
  const row = rowFor(known);
  const errors = fieldsOf(known, row);
  return {
    type: `urn:luma:problem:${known.code}`,
    title: row.title,
    status: row.status,
    detail: known.message,
    code: known.code,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    ...(errors.length === 0 ? {} : { errors }),
    ...(Object.keys(known.details).length === 0 ? {} : { details: { ...known.details } }),
  };
}

/** Refusals of runtimes have codes of their own; those that name fields are the client's to correct. */
function rowFor(error: LumaError): Row {
  const row = problemTable[error.code];
  if (row) return row;
  return error.fields.length > 0
    ? { status: 422, title: 'Some fields cannot be accepted' }
    : { status: 500, title: 'It could not be done' };
}

function fieldsOf(error: LumaError, row: Row): FieldProblemJson[] {
  if (error.fields.length > 0) return error.fields.map((field) => toFieldJson(field, error.code));
  return row.field === undefined ? [] : [{ field: row.field, code: error.code, message: error.message }];
}

function toFieldJson(
  field: FieldProblem & { readonly code?: unknown },
  standardCode: string,
): FieldProblemJson {
  const { value } = field;
  const code = typeof field.code === 'string' ? field.code : standardCode;
  return { field: field.field, code, message: field.message, ...(value === undefined ? {} : { value }) };
}

/** A bug: the log gets everything, the client nothing but that it happened. */
function internalError(error: unknown, log: Log): LumaError {
  const stack = error instanceof Error ? error.stack : String(error);
  log.error('the API met a bug', { error: stack });
  return new LumaError('internal_error', 'something went wrong inside Luma', {
    hint: "Luma's log has the details; please report them.",
  });
}
