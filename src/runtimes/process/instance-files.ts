/**
 * What lies on disk of one instance: what it is (`spec.json`, its environment sealed), and its last run (`run.json`). The run is
 * overwritten in place by one small write, and not synced: it means nothing after the boot in which it was
 * written, and a wake must not wait for a disk (a rename over a file does, where many others sync).
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LumaError, messageOf } from '../../base/errors.ts';
import { openText, type SecretKey, type SecretPlace, sealText } from '../../base/sealed-text.ts';
import type { InstanceExit, InstanceSpec } from '../contract.ts';
import type { ProcessIdentity } from './process-table.ts';

export interface Run {
  readonly port: number;
  readonly startedAt: number;
  /** Null from before the spawn until its pid is written: after a crash in between, it is searched by its mark. */
  readonly process: ProcessIdentity | null;
  readonly isFrozen: boolean;
  /** Processes the kernel had killed for want of memory when it started. */
  readonly outOfMemoryKills: number;
  readonly exit: InstanceExit | null;
  /** It ended because somebody else has its port. */
  readonly lostPort: boolean;
}

const FORMAT = 1;
/** Before it the environment was readable. */
const SPEC_FORMAT = 2;
const SPEC = 'spec.json';
const RUN = 'run.json';
/** Twice of what a run ever needs. */
const RUN_BYTES = 1024;

export class InstanceFiles {
  readonly #key: SecretKey;

  constructor(
    readonly folder: string,
    key: SecretKey,
  ) {
    this.#key = key;
  }

  writeSpec(spec: InstanceSpec): void {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw unwritable(this.folder, error);
    }
    const path = join(this.folder, SPEC);
    try {
      writeFileSync(`${path}.new`, JSON.stringify({ format: SPEC_FORMAT, spec: this.#sealed(spec) }), {
        mode: 0o600,
      });
      renameSync(`${path}.new`, path);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** Null when there is none, or it is torn or sealed with another key: there is no such instance, `prepare` makes it anew. */
  readSpec(): InstanceSpec | null {
    const content = this.#read(SPEC, [FORMAT, SPEC_FORMAT]);
    if (content === null) return null;
    const { format, spec } = content as { format: number; spec: InstanceSpec };
    if (format === SPEC_FORMAT) return this.#opened(spec);
    this.writeSpec(spec);
    return spec;
  }

  writeRun(run: Run): void {
    const path = join(this.folder, RUN);
    // Of one length, so that nothing of the run before is left, whatever happens in between.
    const text = JSON.stringify({ format: FORMAT, run }).padEnd(RUN_BYTES - 1);
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
      try {
        writeSync(fd, `${text}\n`, 0);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** Null when it never ran. */
  readRun(): Run | null {
    return (this.#read(RUN, [FORMAT]) as { run: Run } | null)?.run ?? null;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #sealed(spec: InstanceSpec): InstanceSpec {
    const { instanceId, settings } = spec;
    const sealed = Object.entries(settings.envVars).map(([name, value]) => {
      return [name, sealText(this.#key, placeOf(instanceId, name), value)] as const;
    });
    return { ...spec, settings: { ...settings, envVars: Object.fromEntries(sealed) } };
  }

  #opened(spec: InstanceSpec): InstanceSpec | null {
    const { instanceId, settings } = spec;
    const envVars: Record<string, string> = {};
    for (const [name, sealed] of Object.entries(settings.envVars)) {
      const keyOf = (id: string): SecretKey | undefined => (id === this.#key.id ? this.#key : undefined);
      const opened = openText(keyOf, placeOf(instanceId, name), sealed);
      if (opened.kind !== 'opened') return null;
      envVars[name] = opened.text;
    }
    return { ...spec, settings: { ...settings, envVars } };
  }

  #read(name: string, formats: readonly unknown[]): unknown {
    const path = join(this.folder, name);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new LumaError('runtime_failed', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
    const content = parse(text);
    if (content === null || formats.includes(content.format)) return content;
    throw new LumaError('runtime_failed', `${path} was written by another version of Luma`, {
      hint: 'start the newer Luma again, or delete the folder: the instance is then prepared anew',
    });
  }
}

function placeOf(instanceId: string, name: string): SecretPlace {
  return ['instance', instanceId, 'env_vars', name];
}

function unwritable(path: string, cause: unknown): LumaError {
  return new LumaError('runtime_failed', `${path} cannot be written: ${messageOf(cause)}`, {
    hint: 'see whether the disk is full, and who may write to the data directory',
    cause,
  });
}

/** Null for what is torn: after a power cut a file that was not synced may be empty. */
function parse(text: string): { readonly format?: unknown } | null {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
