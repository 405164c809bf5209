/**
 * The Docker Engine behind its API: every call has a deadline, every failure is a LumaError. Owns the client;
 * decides nothing. A refusal is `runtime_failed` with the HTTP status in `details.status` (see `statusOf`).
 */
import { createRequire } from 'node:module';
import type Docker from 'dockerode';
import type { Clock } from '../../base/clock.ts';
import { isLumaError, LumaError, messageOf } from '../../base/errors.ts';
import { type EngineAddress, formatEngineAddress } from './engine-address.ts';
import { limits } from './limits.ts';
import { Pulse } from './pulse.ts';

export type ByteStream = AsyncIterable<Uint8Array> & { destroy(): void };

export class Engine {
  readonly address: EngineAddress;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #pulse: Pulse;
  #docker: Docker | undefined;

  constructor(address: EngineAddress, clock: Clock) {
    this.address = address;
    this.#clock = clock;
    this.#pulse = new Pulse(clock, (abortSignal) => this.#ping(abortSignal));
  }

  /** Loaded with the first call: the client's packages cost 25 MB, which a machine without an engine should keep. */
  get docker(): Docker {
    if (!this.#docker) {
      const Client: typeof Docker = createRequire(import.meta.url)('dockerode');
      this.#docker = new Client(clientOptions(this.address));
    }
    return this.#docker;
  }

  get name(): string {
    return formatEngineAddress(this.address);
  }

  /** Runs one call; without an answer within `limitMs`, or from an engine that hangs, it is `runtime_unavailable`. */
  async call<T>(
    what: string,
    run: (signal: AbortSignal) => Promise<T>,
    limitMs: number = limits.callMs,
  ): Promise<T> {
    const abort = new AbortController();
    const limit = this.#limit(what, limitMs, abort);
    const pulse = this.#pulse.watch(() => limit.give(this.#hung(what)));
    try {
      return await Promise.race([run(abort.signal), limit.exceeded]);
    } catch (error) {
      throw this.#explained(what, error);
    } finally {
      limit.lift();
      pulse.lift();
    }
  }

  /** Looks something up: a GET that answers JSON. */
  look<T>(what: string, path: string, limitMs: number = limits.callMs): Promise<T> {
    return this.call(what, (signal) => this.#get(path, {}, signal, false), limitMs) as Promise<T>;
  }

  /** A GET whose answer is read as it comes. */
  openStream(what: string, path: string, query: object, signal: AbortSignal): Promise<ByteStream> {
    return this.stream(what, signal, (either) => this.#get(path, query, either, true));
  }

  /** Opens a stream that lives until `signal` aborts; only its head has a deadline. */
  async stream(
    what: string,
    signal: AbortSignal,
    run: (signal: AbortSignal) => Promise<unknown>,
    limitMs: number = limits.callMs,
  ): Promise<ByteStream> {
    const abort = new AbortController();
    const limit = this.#limit(what, limitMs, abort);
    const both = AbortSignal.any([signal, abort.signal]);
    try {
      return (await Promise.race([run(both), limit.exceeded])) as ByteStream;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#explained(what, error);
    } finally {
      limit.lift();
    }
  }

  /** Breaks what is under way. */
  close(): void {
    this.#closing.abort(this.#closed());
  }

  /** Below the client's methods, because some of them take no signal, and others collect streams in memory. */
  #get(path: string, query: object, abortSignal: AbortSignal, isStream: boolean): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const statusCodes = { 200: true };
    const request = {
      path: `${path}?`,
      method: 'GET',
      options: { ...query },
      abortSignal,
      isStream,
      statusCodes,
    };
    this.docker.modem.dial(request, (error: unknown, data: unknown) =>
      error ? reject(error) : resolve(data),
    );
    return promise;
  }

  /** Whatever it answers, it is there. */
  async #ping(abortSignal: AbortSignal): Promise<void> {
    try {
      await this.#get('/_ping', {}, abortSignal, false);
    } catch (error) {
      if (rawStatus(error) === null) throw error;
    }
  }

  #limit(
    what: string,
    limitMs: number,
    abort: AbortController,
  ): { exceeded: Promise<never>; give: (error: LumaError) => void; lift: () => void } {
    const { promise, reject } = Promise.withResolvers<never>();
    // It may lose the race and reject later, when nobody listens any more.
    promise.catch(() => undefined);
    const give = (error: LumaError): void => {
      reject(error);
      abort.abort(error);
    };
    const onClosing = (): void => give(this.#closed());
    if (this.#closing.signal.aborted) onClosing();
    this.#closing.signal.addEventListener('abort', onClosing, { once: true });
    const timer = this.#clock.after(limitMs, () => give(this.#silent(what, limitMs)));
    const lift = (): void => {
      timer.cancel();
      this.#closing.signal.removeEventListener('abort', onClosing);
    };
    return { exceeded: promise, give, lift };
  }

  #explained(what: string, error: unknown): unknown {
    if (isLumaError(error)) return error;
    const status = rawStatus(error);
    if (status !== null) {
      return new LumaError('runtime_failed', `Docker could not ${what}: ${engineWords(error)}`, {
        details: { status, words: engineWords(error) },
        cause: error,
      });
    }
    if (!isConnectionError(error)) return error;
    return new LumaError(
      'runtime_unavailable',
      `Docker at ${this.name} is not reachable: ${messageOf(error)}`,
      {
        hint: unreachableHint(error),
        cause: error,
      },
    );
  }

  #silent(what: string, limitMs: number): LumaError {
    const message = `Docker at ${this.name} did not ${what} within ${limitMs / 1_000} s`;
    return new LumaError('runtime_unavailable', message, { hint: 'see whether `docker ps` answers' });
  }

  #hung(what: string): LumaError {
    const message = `Docker at ${this.name} hangs: it did not ${what}, and answers nothing else either`;
    return new LumaError('runtime_unavailable', message, {
      hint: 'see whether `docker ps` answers; if not, restart Docker',
    });
  }

  #closed(): LumaError {
    return new LumaError('runtime_unavailable', 'the Docker runtime was closed');
  }
}

/** The HTTP status with which the engine refused, or null where it was something else. */
export function statusOf(error: unknown): number | null {
  if (!isLumaError(error, 'runtime_failed')) return null;
  const status = error.details['status'];
  return typeof status === 'number' ? status : null;
}

/** What the engine said itself, without Luma's words around it. */
export function wordsOf(error: unknown): string {
  const words = isLumaError(error) ? error.details['words'] : undefined;
  return typeof words === 'string' ? words : messageOf(error);
}

function clientOptions(address: EngineAddress): Docker.DockerOptions {
  // The client merges its own reading of DOCKER_HOST below these: each field must be named to win.
  const none = { socketPath: undefined, host: undefined, port: undefined, ca: undefined, cert: undefined };
  if (address.kind === 'socket') return { ...none, socketPath: address.path, protocol: 'http' };
  const { host, port, tls } = address;
  return { ...none, host, port, protocol: tls ? 'https' : 'http', ...tls };
}

function rawStatus(error: unknown): number | null {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : null;
}

function engineWords(error: unknown): string {
  const body = error instanceof Error && 'json' in error ? error.json : undefined;
  if (body && typeof body === 'object' && 'message' in body && typeof body.message === 'string') {
    return body.message.trim();
  }
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [^-]* - /, '')
    .trim();
}

/** Errors of sockets carry a code such as ECONNREFUSED; anything else is a bug and stays as it is. */
function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'AbortError' || /socket|connection|aborted/i.test(error.message)) return true;
  return 'code' in error && typeof error.code === 'string';
}

function unreachableHint(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'EACCES') return 'add your user to the group "docker", or run Luma as root';
  return 'start Docker, or point DOCKER_HOST at the engine';
}
