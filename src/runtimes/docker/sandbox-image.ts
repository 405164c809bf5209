/**
 * The image of every sandbox: one program of ours for the engine's processor. Owns the knowledge that the image
 * is there, which ends when somebody removes it or the engine may be another one.
 */
import { createHash } from 'node:crypto';
import { LumaError } from '../../base/errors.ts';
import type { Engine } from './engine.ts';
import { importImage } from './image-import.ts';
import { hasImage } from './image-pull.ts';
import { limits } from './limits.ts';
import { sandboxProgram } from './sandbox-program.ts';
import type { Processor } from './static-elf.ts';

const repository = 'luma/sandbox';
const program = 'luma-sandbox';
const changes = [`ENTRYPOINT ["/${program}"]`, 'USER 65534:65534', 'LABEL luma.sandbox.image=true'];

export function isSandboxImage(reference: string): boolean {
  return reference.startsWith(`${repository}:`);
}

export class SandboxImage {
  readonly #engine: Engine;
  #made: Promise<string> | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The reference of the image; it exists when this resolves. */
  async ensure(): Promise<string> {
    this.#made ??= this.#make();
    const making = this.#made;
    try {
      return await making;
    } catch (error) {
      if (this.#made === making) this.#made = null;
      throw error;
    }
  }

  forget(): void {
    this.#made = null;
  }

  async #make(): Promise<string> {
    const processor = await this.#processor();
    const bytes = sandboxProgram(processor);
    const tag = contentTag(processor, bytes);
    const image = `${repository}:${tag}`;
    if (await hasImage(this.#engine, image)) return image;
    await importImage(this.#engine, {
      what: 'the sandbox image',
      repository,
      tag,
      entries: [{ kind: 'bytes', path: program, mode: 0o555, bytes }],
      changes,
      limitMs: limits.importSandboxMs,
      hint: 'see whether the engine has free disk space: docker system df',
    });
    return image;
  }

  /** The engine's, which need not be ours: it may be in a virtual machine. */
  async #processor(): Promise<Processor> {
    const { Arch } = await this.#engine.look<{ readonly Arch: string }>('tell its processor', '/version');
    if (Arch === 'amd64' || Arch === 'arm64') return Arch;
    throw new LumaError(
      'runtime_failed',
      `Docker runs on a processor that Luma has no sandbox for: ${Arch}`,
      {
        hint: 'use an engine on amd64 or arm64, or --runtime process',
        details: { processor: Arch },
      },
    );
  }
}

/** The same content, the same tag: it is made once, also by several Lumas on one engine. */
function contentTag(processor: Processor, bytes: Uint8Array): string {
  const hash = createHash('sha256');
  hash.update(`${processor} ${changes.join('\n')}\n`);
  hash.update(bytes);
  return hash.digest('hex').slice(0, 12);
}
