/** Brings a missing image: pulls it with progress, and says in whose words and why when it cannot. */
import type { Clock, Timer } from '../../base/clock.ts';
import { isLumaError, LumaError, messageOf } from '../../base/errors.ts';
import type { RegistryCredentials } from '../../domain/registry.ts';
import type { PrepareOptions } from '../contract.ts';
import { type Engine, statusOf, wordsOf } from './engine.ts';
import { type ImageReference, parseImageReference } from './image-reference.ts';
import { jsonLines } from './json-lines.ts';
import { limits } from './limits.ts';
import { PullProgress } from './pull-progress.ts';
import { registryAuth } from './registry-auth.ts';

export async function ensureImage(
  engine: Engine,
  clock: Clock,
  image: string,
  options: PrepareOptions = {},
): Promise<void> {
  if (await hasImage(engine, validReference(image).text)) return;
  await pullImage(engine, clock, image, options);
}

export async function hasImage(engine: Engine, image: string): Promise<boolean> {
  try {
    await engine.look(`look for the image ${image}`, `/images/${image}/json`);
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

export async function pullImage(
  engine: Engine,
  clock: Clock,
  image: string,
  options: PrepareOptions = {},
): Promise<void> {
  const reference = validReference(image);
  if (reference.registry === null) {
    throw notFound(
      image,
      'the engine has no image with this id',
      'ids cannot be pulled: name the image instead',
    );
  }
  const stall = new Stall(clock);
  try {
    const signal = options.signal ? AbortSignal.any([options.signal, stall.signal]) : stall.signal;
    await followPull({ engine, clock, reference, signal, stall, options });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw stall.signal.aborted
      ? pullFailed(reference, `nothing arrived for ${limits.pullStallMs / 1_000} s`, error)
      : explained(reference, error, credentialsOf(reference, options));
  } finally {
    stall.end();
  }
}

/** Only what was parsed goes into the path of a call. */
function validReference(image: string): ImageReference {
  const reference = parseImageReference(image);
  if (reference) return reference;
  throw notFound(image, 'it is not a valid image reference', 'check the spelling');
}

interface Pull {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly reference: ImageReference;
  readonly signal: AbortSignal;
  readonly stall: Stall;
  readonly options: PrepareOptions;
}

async function followPull({ engine, clock, reference, signal, stall, options }: Pull): Promise<void> {
  const { onProgress } = options;
  const progress = new PullProgress(reference.text);
  onProgress?.(progress.toString());
  let saidAt = clock.monotonic();
  const stream = await engine.stream(
    `pull ${reference.text}`,
    signal,
    (abortSignal) => {
      const wanted = { fromImage: reference.pullName, tag: reference.pullTag, abortSignal };
      return engine.docker.createImage(authOf(reference, options), wanted);
    },
    limits.pullStallMs,
  );
  for await (const message of jsonLines(stream)) {
    stall.noteProgress();
    if (typeof message['error'] === 'string') throw new PullRefused(message['error']);
    progress.note(message);
    if (clock.monotonic() - saidAt < limits.progressGapMs) continue;
    saidAt = clock.monotonic();
    onProgress?.(progress.toString());
  }
}

/** Nothing is sent to a registry that nobody has given credentials for. */
function authOf(reference: ImageReference, options: PrepareOptions): object | undefined {
  const credentials = credentialsOf(reference, options);
  return credentials ? registryAuth(reference.registry ?? '', credentials) : undefined;
}

function credentialsOf(
  { registry }: ImageReference,
  { credentialsFor }: PrepareOptions,
): RegistryCredentials | null {
  return registry === null ? null : (credentialsFor?.(registry) ?? null);
}

/** Aborts its signal when nothing has moved for too long. */
class Stall {
  readonly #abort = new AbortController();
  readonly #clock: Clock;
  #timer: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = this.#arm();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  noteProgress(): void {
    this.#timer.cancel();
    this.#timer = this.#arm();
  }

  end(): void {
    this.#timer.cancel();
  }

  #arm(): Timer {
    return this.#clock.after(limits.pullStallMs, () => this.#abort.abort());
  }
}

/** The registry's refusal, told inside a stream that began well. */
class PullRefused extends Error {}

function explained(
  reference: ImageReference,
  error: unknown,
  credentials: RegistryCredentials | null,
): unknown {
  if (isLumaError(error, 'runtime_unavailable')) return error;
  const isRefusal = error instanceof PullRefused || statusOf(error) !== null;
  const words = error instanceof PullRefused ? error.message : wordsOf(error);
  if (isRefusal && saysDenied(words)) return pullDenied(reference, words, credentials, error);
  if (isRefusal && saysMissing(words, statusOf(error))) {
    return notFound(
      reference.text,
      `${reference.registry} says: ${words}`,
      'check the spelling of the image and its tag, or build or pull it on this machine first',
      reference,
      error,
    );
  }
  return pullFailed(reference, words, error);
}

function saysMissing(words: string, status: number | null): boolean {
  return (
    status === 404 ||
    /manifest unknown|not found|does not exist|name unknown|no matching manifest/i.test(words)
  );
}

/** Of a registry, whichever way it says that it wants (other) credentials. */
export function saysDenied(words: string): boolean {
  return /denied|incorrect username or password|unauthori[sz]ed|authentication required|no basic auth credentials|docker login/i.test(
    words,
  );
}

/** Registries answer the same for private and for missing repositories. */
function pullDenied(
  { text, registry }: ImageReference,
  words: string,
  credentials: RegistryCredentials | null,
  cause: unknown,
): LumaError {
  const login = `luma registries login ${registry}`;
  const hint =
    credentials === null
      ? `if it is private, log in (${login}); otherwise check the spelling of the image`
      : `the stored credentials do not open it: log in again (${login}), or check what they may read and the spelling of the image`;
  return new LumaError('image_pull_denied', `${registry} does not let Luma pull ${text}: ${words}`, {
    hint,
    details: { image: text, registry, authenticated: credentials !== null },
    cause,
  });
}

function notFound(
  image: string,
  reason: string,
  hint: string,
  reference?: ImageReference,
  cause?: unknown,
): LumaError {
  const details = { image, registry: reference?.registry ?? null };
  return new LumaError('image_not_found', `there is no image ${image}: ${reason}`, { hint, details, cause });
}

function pullFailed(reference: ImageReference, words: string, cause: unknown): LumaError {
  const { text, registry } = reference;
  return new LumaError('image_pull_failed', `${text} could not be pulled from ${registry}: ${words}`, {
    hint: pullHint(words, registry),
    details: { image: text, registry, reason: messageOf(cause) },
    cause,
  });
}

function pullHint(words: string, registry: string | null): string {
  if (/toomanyrequests|rate limit/i.test(words))
    return `wait, or log in (luma registries login ${registry}): the limit of the registry was reached`;
  if (/no space left/i.test(words)) return 'free disk space: docker system df, docker image prune';
  if (/server gave HTTP response to HTTPS/i.test(words)) {
    return `add ${registry} to insecure-registries in the engine's daemon.json, or give it a certificate`;
  }
  return `see whether this machine reaches ${registry}; Luma tries again on the next request`;
}
