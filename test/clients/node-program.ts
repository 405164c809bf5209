/** Programs of these tests for real Node: TypeScript translated by Bun, packages found where npm put them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dir, '../..');

export class NodeProgram {
  readonly #folder: string;
  readonly #file: string;

  private constructor(folder: string, file: string) {
    this.#folder = folder;
    this.#file = file;
  }

  /** `source`: a path, or the name of a file beside this one. */
  static async build(source: string): Promise<NodeProgram> {
    const folder = mkdtempSync(join(tmpdir(), 'luma-node-'));
    const built = await Bun.build({
      entrypoints: [resolve(import.meta.dir, source)],
      outdir: folder,
      naming: 'program.cjs',
      target: 'node',
      format: 'cjs',
      packages: 'external',
    });
    if (!built.success) throw new AggregateError(built.logs, `${source} cannot be translated`);
    return new NodeProgram(folder, join(folder, 'program.cjs'));
  }

  /** It ends by itself when its standard input ends. */
  start(...args: readonly string[]): Bun.Subprocess<'pipe', 'pipe', 'pipe'> {
    return Bun.spawn(['node', this.#file, ...args], {
      env: { ...process.env, NODE_PATH: join(root, 'node_modules') },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Runs it to its end; what it printed, as JSON. */
  async ask(...args: readonly string[]): Promise<unknown> {
    return answerOf(this.start(...args));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What a client program prints at its end, as JSON; a failure with everything it said. */
export async function answerOf(child: Bun.Subprocess<'pipe' | 'ignore', 'pipe', 'pipe'>): Promise<unknown> {
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const code = await child.exited;
  if (code !== 0) throw new Error(`the client ended with ${code}: ${err}${out}`);
  return JSON.parse(out);
}

/** What a program says first, while it runs on. */
export async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let line = '';
  while (!line.includes('\n')) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended before it said anything: ${line}`);
    line += decoder.decode(value);
  }
  reader.releaseLock();
  return line.trim();
}
