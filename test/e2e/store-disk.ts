/** A small disk of its own for the database of an installation: to be filled without harm to anything else. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE = '3m';
const CHUNK_BYTES = 4_096;
/** What lies beside the database and is no part of it. */
const elsewhere = ['proxy', 'instances', 'removed-instances', 'stage'];

export class StoreDisk {
  readonly #outside = mkdtempSync(join(tmpdir(), 'luma-outside-'));
  #dataDir = '';

  /** Root can mount one; others test without. */
  static isPossible(): boolean {
    const probe = mkdtempSync(join(tmpdir(), 'luma-mount-'));
    const isMounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', probe]).exitCode === 0;
    if (isMounted) Bun.spawnSync(['umount', probe]);
    rmSync(probe, { recursive: true, force: true });
    return isMounted;
  }

  mountAt(dataDir: string): void {
    this.#dataDir = dataDir;
    const { exitCode } = Bun.spawnSync([
      'mount',
      '-t',
      'tmpfs',
      '-o',
      `size=${SIZE},mode=700`,
      'none',
      dataDir,
    ]);
    if (exitCode !== 0) throw new Error(`${dataDir} cannot be mounted`);
    for (const name of elsewhere) {
      mkdirSync(join(this.#outside, name), { mode: 0o700 });
      symlinkSync(join(this.#outside, name), join(dataDir, name));
    }
  }

  fill(): void {
    fillDisk(join(this.#dataDir, 'ballast'));
  }

  free(): void {
    rmSync(join(this.#dataDir, 'ballast'), { force: true });
  }

  unmount(): void {
    Bun.spawnSync(['umount', '-l', this.#dataDir]);
    rmSync(this.#outside, { recursive: true, force: true });
  }
}

/** To the last byte, by a file of that name. */
export function fillDisk(ballast: string): void {
  for (let size = CHUNK_BYTES * 256; size >= 1; size = size > 1 ? Math.floor(size / 2) : 0) {
    try {
      for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
