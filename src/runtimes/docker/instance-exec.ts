/**
 * Commands beside the app of an instance, through the engine. Owns what was begun and not over in time: the engine cannot end
 * it, so no other is begun in that instance before it has ended by itself.
 */
import { type Clock, delay } from '../../base/clock.ts';
import { isLumaError } from '../../base/errors.ts';
import { EXEC_OUTPUT_BYTES_MAX, type ExecOptions, type ExecOutcome } from '../contract.ts';
import { exitOf } from './container-state.ts';
import type { Containers } from './containers.ts';
import { type ByteStream, type Engine, statusOf, wordsOf } from './engine.ts';
import { limits } from './limits.ts';
import { instanceExited, instanceNotFound, isGone } from './refusals.ts';

/** As a shell says that there is no such program. */
const NO_PROGRAM = 127;
const HEAD_BYTES = 8;

interface ExecState {
  readonly Running: boolean;
  readonly ExitCode: number | null;
}

export class InstanceExec {
  readonly #engine: Engine;
  readonly #containers: Containers;
  readonly #clock: Clock;
  /** By instance, then by command. */
  readonly #unfinished = new Map<string, Map<string, string>>();

  constructor(engine: Engine, containers: Containers, clock: Clock) {
    this.#engine = engine;
    this.#containers = containers;
    this.#clock = clock;
  }

  async run(
    instanceId: string,
    command: readonly string[],
    { timeoutMs, signal }: ExecOptions,
  ): Promise<ExecOutcome> {
    signal?.throwIfAborted();
    const text = JSON.stringify(command);
    if (await this.#isBusy(instanceId, text))
      return { code: null, output: 'the one before has not ended yet' };
    const containerId = await this.#containers.known(instanceId);
    const late = new AbortController();
    const timer = this.#clock.after(timeoutMs, () => late.abort());
    const ends = signal ? AbortSignal.any([late.signal, signal]) : late.signal;
    const tail = new Tail();
    let execId: string | null = null;
    try {
      execId = await this.#create(containerId, command);
      await this.#collect(execId, ends, tail);
      return { code: await this.#codeOf(execId, ends), output: tail.text };
    } catch (error) {
      if (execId && ends.aborted) this.#noteUnfinished(instanceId, text, execId);
      signal?.throwIfAborted();
      if (late.signal.aborted) return { code: null, output: tail.text };
      return await this.#refused(instanceId, containerId, error);
    } finally {
      timer.cancel();
    }
  }

  forget(instanceId: string): void {
    this.#unfinished.delete(instanceId);
  }

  #noteUnfinished(instanceId: string, text: string, execId: string): void {
    const known = this.#unfinished.get(instanceId) ?? new Map<string, string>();
    this.#unfinished.set(instanceId, known.set(text, execId));
  }

  async #isBusy(instanceId: string, text: string): Promise<boolean> {
    const execId = this.#unfinished.get(instanceId)?.get(text);
    if (execId === undefined) return false;
    const state = await this.#inspect(execId).catch((error: unknown) => {
      // The engine forgets it with its container's end.
      if (isGone(error)) return null;
      throw error;
    });
    if (state?.Running) return true;
    this.#unfinished.get(instanceId)?.delete(text);
    return false;
  }

  async #create(containerId: string, command: readonly string[]): Promise<string> {
    const options = { Cmd: [...command], AttachStdout: true, AttachStderr: true };
    const { id } = await this.#engine.call('make a command', (abortSignal) =>
      this.#engine.docker.getContainer(containerId).exec({ ...options, abortSignal }),
    );
    return id;
  }

  async #collect(execId: string, ends: AbortSignal, tail: Tail): Promise<void> {
    const exec = this.#engine.docker.getExec(execId);
    const stream: ByteStream = await this.#engine.stream('run a command', ends, (abortSignal) =>
      exec.start({ hijack: false, stdin: false, abortSignal }),
    );
    const onEnd = (): void => stream.destroy();
    ends.addEventListener('abort', onEnd, { once: true });
    try {
      for await (const chunk of stream) tail.push(chunk);
    } finally {
      ends.removeEventListener('abort', onEnd);
      stream.destroy();
    }
    ends.throwIfAborted();
  }

  /** Its streams end a moment before the engine knows its status. */
  async #codeOf(execId: string, ends: AbortSignal): Promise<number> {
    for (let pauseMs = 1; ; pauseMs = Math.min(limits.execLookMs, pauseMs * 2)) {
      const { Running: isRunning, ExitCode: code } = await this.#inspect(execId);
      if (!isRunning && code !== null) return code;
      await delay(this.#clock, pauseMs, ends);
    }
  }

  #inspect(execId: string): Promise<ExecState> {
    return this.#engine.look<ExecState>('look at a command', `/exec/${execId}/json`);
  }

  async #refused(instanceId: string, containerId: string, error: unknown): Promise<ExecOutcome> {
    const status = statusOf(error);
    const words = wordsOf(error);
    if (status !== null && /\bexec failed\b|executable file not found/i.test(words)) {
      return { code: NO_PROGRAM, output: words };
    }
    if (status === null || !isLumaError(error)) throw error;
    const info = await this.#containers.tryInspect(containerId);
    if (!info) throw instanceNotFound(instanceId);
    // 409: it does not run, or is paused.
    throw status === 409 && !info.State.Running ? instanceExited(instanceId, exitOf(info.State)) : error;
  }
}

/** The last bytes of the engine's frames: 8 bytes head (stream, length) and as many of content. */
class Tail {
  #rest: Uint8Array = new Uint8Array(0);
  #leftBytes = 0;
  #kept = Buffer.alloc(0);

  get text(): string {
    return this.#kept.toString();
  }

  push(chunk: Uint8Array): void {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = new Uint8Array(0);
    while (bytes.length > 0) {
      if (this.#leftBytes === 0) {
        if (bytes.length < HEAD_BYTES) break;
        this.#leftBytes = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES).getUint32(4);
        bytes = bytes.subarray(HEAD_BYTES);
        continue;
      }
      const piece = bytes.subarray(0, this.#leftBytes);
      this.#kept = Buffer.concat([this.#kept, piece]).subarray(-EXEC_OUTPUT_BYTES_MAX);
      this.#leftBytes -= piece.length;
      bytes = bytes.subarray(piece.length);
    }
    // A copy: what is left must not keep the whole chunk alive.
    if (bytes.length > 0) this.#rest = bytes.slice();
  }
}
