/** A command that runs beside an instance: how it ended and the end of what it wrote. Owns nothing once it is over. */
import { type Clock, delay } from '../../base/clock.ts';
import { isLumaError } from '../../base/errors.ts';
import { EXEC_OUTPUT_BYTES_MAX, type ExecOptions, type ExecOutcome } from '../contract.ts';
import { EXEC_READ_MS } from './limits.ts';

type Child = Bun.Subprocess<'ignore', 'pipe', 'pipe'>;

/** As a shell says that there is no such program. */
const NO_PROGRAM = 127;

/** One that is not over in time is killed, with whomever it started in its session. */
export async function runBeside(
  launch: () => Child,
  clock: Clock,
  { timeoutMs, signal }: ExecOptions,
): Promise<ExecOutcome> {
  signal?.throwIfAborted();
  let child: Child;
  try {
    child = launch();
  } catch (error) {
    if (!isLumaError(error, 'command_not_found')) throw error;
    return { code: NO_PROGRAM, output: error.message };
  }
  const written = new Tail();
  const reading = Promise.all([written.read(child.stdout), written.read(child.stderr)]);
  const over = new AbortController();
  const late = delay(clock, timeoutMs, either(over.signal, signal)).then(
    () => true,
    () => true,
  );
  const isLate = await Promise.race([child.exited.then(() => false), late]);
  over.abort();
  if (isLate) killGroup(child.pid);
  await child.exited;
  // Who was started by it may hold the pipes open.
  const done = new AbortController();
  const patience = delay(clock, EXEC_READ_MS, done.signal).catch(() => undefined);
  await Promise.race([reading, patience]);
  done.abort();
  written.close();
  signal?.throwIfAborted();
  return { code: isLate ? null : (child.exitCode ?? 128), output: written.text };
}

function either(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other ? AbortSignal.any([one, other]) : one;
}

/** It leads a session of its own. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The last bytes of two streams, as they came. */
class Tail {
  #bytes = Buffer.alloc(0);
  readonly #readers: { cancel(): Promise<void> }[] = [];

  get text(): string {
    return this.#bytes.toString();
  }

  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = stream.getReader();
    this.#readers.push(reader);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#bytes = Buffer.concat([this.#bytes, value]).subarray(-EXEC_OUTPUT_BYTES_MAX);
    }
  }

  close(): void {
    for (const reader of this.#readers) void reader.cancel();
  }
}
