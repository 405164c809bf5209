/**
 * How requests reach a CA: one fetch with a CA file of its own, a deadline, and refusals as typed errors. acme-client's own
 * way (axios) waits by itself, forgets why the CA refused, and knows a private CA only process-wide. Owns nothing.
 */
import type { Clock } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import { isRecord, problemOf, retryAfterOf } from './acme-problem.ts';
import { ACME_ANSWER_BYTES_MAX, ACME_REQUEST_TIMEOUT_MS } from './limits.ts';

export interface AcmeAnswer {
  readonly status: number;
  /** JSON where it says so, otherwise the text. */
  readonly data: unknown;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | null;
}

export interface AcmeRequest {
  readonly url: string;
  readonly method: string;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface AcmeTransportOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  /** PEM of what signs the CA's own certificate; null: what the system trusts. */
  readonly caPem: string | null;
}

/** The connection a refused request came by is as good as any: only what was said counts. */
export class AcmeTransport {
  readonly #options: AcmeTransportOptions;

  constructor(options: AcmeTransportOptions) {
    this.#options = options;
  }

  /** Rejects with `acme_unreachable`, `acme_timeout`, or the CA's problem; a bad nonce is an answer. */
  async send(request: AcmeRequest): Promise<AcmeAnswer> {
    const { clock } = this.#options;
    const deadline = new AbortController();
    const timer = clock.after(ACME_REQUEST_TIMEOUT_MS, () => deadline.abort(tooSlow(request)));
    try {
      const answer = await this.#fetch(request, AbortSignal.any([request.signal, deadline.signal]));
      return refuseProblems(answer);
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      if (deadline.signal.aborted) throw deadline.signal.reason;
      throw error instanceof LumaError ? error : unreachable(request, error);
    } finally {
      timer.cancel();
    }
  }

  async #fetch({ url, method, body, headers }: AcmeRequest, signal: AbortSignal): Promise<AcmeAnswer> {
    const { caPem, userAgent, clock } = this.#options;
    const response = await fetch(url, {
      method: method.toUpperCase(),
      headers: { 'user-agent': userAgent, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(caPem === null ? {} : { tls: { ca: caPem } }),
      redirect: 'error',
      signal,
    });
    const fields = Object.fromEntries(response.headers.entries());
    const text = await readBounded(response, url);
    return {
      status: response.status,
      data: parsed(text, fields['content-type'] ?? ''),
      headers: fields,
      retryAfterMs: retryAfterOf(fields['retry-after'] ?? null, clock.now()),
    };
  }
}

function refuseProblems(answer: AcmeAnswer): AcmeAnswer {
  const { status, data, retryAfterMs } = answer;
  if (status < 400) return answer;
  const problem = problemOf(status, data, retryAfterMs);
  // acme-client repeats the request with the nonce of this answer.
  if (problem.type === 'badNonce') return answer;
  throw problem;
}

async function readBounded(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  if (!response.body) return text;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > ACME_ANSWER_BYTES_MAX) throw tooLong(url);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string, contentType: string): unknown {
  if (!/^application\/([a-z0-9.+-]*\+)?json\b/i.test(contentType)) return text;
  try {
    return JSON.parse(text);
  } catch {
    // What says it is JSON and is not is read as the text it is; whoever wants fields of it says so.
    return text;
  }
}

/** A field of an answer that must be there. */
export function textField(data: unknown, name: string, url: string): string {
  const value = isRecord(data) ? data[name] : undefined;
  if (typeof value === 'string') return value;
  throw new LumaError('acme_protocol', `${url} answered without ${name}: it is no ACME directory`, {
    hint: 'check --acme-directory',
  });
}

function tooSlow({ url }: AcmeRequest): LumaError {
  return new LumaError('acme_timeout', `${url} did not answer within ${ACME_REQUEST_TIMEOUT_MS / 1_000} s`);
}

function tooLong(url: string): LumaError {
  return new LumaError('acme_protocol', `${url} answered with more than ${ACME_ANSWER_BYTES_MAX} bytes`);
}

function unreachable({ url }: AcmeRequest, cause: unknown): LumaError {
  const isUntrusted = /certificate|self.signed|issuer/i.test(messageOf(cause));
  return new LumaError('acme_unreachable', `cannot reach ${url}: ${messageOf(cause)}`, {
    hint: isUntrusted
      ? 'if this CA has a certificate of its own making, name what signs it with --acme-ca-file'
      : 'this machine must be able to open HTTPS connections to the CA',
    cause,
  });
}
