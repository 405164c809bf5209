/**
 * The daemon's memory across restarts: one file, replaced atomically, refused and kept when unreadable.
 * Owns when it is written: soon after a change, never twice at once, and never more than a small part of the time.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeAsideFiles, writeFileAtomic } from '../../base/atomic-file.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { STATE_SAVE_DELAY_MS } from '../limits.ts';
import type { SavedState } from './state-schema.ts';
import { STATE_VERSION, savedStateSchema } from './state-schema.ts';

/** Writing a large state takes at most one part in this many of the daemon's time. */
const SAVE_SHARE = 20;

export interface StateFileOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What to save: asked when the write begins. */
  readonly collect: () => SavedState;
}

export class StateFile {
  readonly path: string;
  readonly #options: StateFileOptions;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #isDirty = false;
  #lastWriteMs = 0;
  #isClosed = false;

  constructor(options: StateFileOptions) {
    this.path = stateFilePath(options.stateDir);
    this.#options = options;
  }

  /** Something changed: saved a little later, together with what follows closely. */
  changed(): void {
    this.#isDirty = true;
    if (this.#timer || this.#writing || this.#isClosed) return;
    const delayMs = Math.max(STATE_SAVE_DELAY_MS, this.#lastWriteMs * SAVE_SHARE);
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.save().catch((error: unknown) => {
        this.#options.log.error('the state could not be saved; trying again', { path: this.path, error });
        this.changed();
      });
    });
  }

  /**
   * Resolves when everything up to now is on disk; rejects with `state_not_saved`. Whoever asks while another write
   * is under way shares the one after it.
   */
  save(): Promise<void> {
    this.#next ??= this.#saveNext();
    return this.#next;
  }

  async #saveNext(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    do await this.#writing?.catch(() => undefined);
    while (this.#writing);
    this.#next = undefined;
    this.#isDirty = false;
    this.#writing = this.#write();
    try {
      await this.#writing;
    } catch (cause) {
      this.#isDirty = true;
      throw new LumaError('state_not_saved', `cannot write ${this.path}: ${messageOf(cause)}`, {
        hint: 'see that the disk has room and that this user may write there; what was changed is in force and will be saved then',
        cause,
      });
    } finally {
      this.#writing = undefined;
      if (this.#isDirty) this.changed();
    }
  }

  /** Nothing more is written by itself. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isClosed = true;
  }

  async #write(): Promise<void> {
    const startedMs = this.#options.clock.monotonic();
    await writeFileAtomic(this.path, `${JSON.stringify(this.#options.collect())}\n`);
    this.#lastWriteMs = this.#options.clock.monotonic() - startedMs;
  }
}

export function stateFilePath(stateDir: string): string {
  return join(stateDir, 'state.json');
}

/** What was saved, or null where nothing was. Rejects with `state_unreadable` and leaves the file as it is. */
export async function loadState(stateDir: string): Promise<SavedState | null> {
  const path = stateFilePath(stateDir);
  await removeAsideFiles(path);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw unreadable(path, messageOf(error), error);
  });
  if (text === null) return null;
  return parseState(path, text);
}

function parseState(path: string, text: string): SavedState {
  const json = parseJson(path, text);
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > STATE_VERSION) {
    throw unreadable(path, `it is of version ${version}, newer than this luma-proxy reads`, undefined);
  }
  const parsed = savedStateSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw unreadable(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`, parsed.error);
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(path, messageOf(error), error);
  }
}

function unreadable(path: string, reason: string, cause: unknown): LumaError {
  return new LumaError('state_unreadable', `cannot read the state file ${path}: ${reason}`, {
    hint: `it was left as it is; restore it from a backup, or move it away to start with nothing`,
    ...(cause === undefined ? {} : { cause }),
    details: { path },
  });
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT';
}
