/** Disks of their own for the database of an installation: to be filled, unmounted or broken without harm to anything else. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

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
    linkElsewhere(dataDir, this.#outside);
  }

  /** Unmounts it under everybody, and keeps it. */
  takeAway(): void {
    mkdirSync(join(this.#outside, 'kept'));
    run('mount', '--bind', this.#dataDir, join(this.#outside, 'kept'));
    run('umount', '-l', this.#dataDir);
  }

  bringBack(): void {
    run('mount', '--bind', join(this.#outside, 'kept'), this.#dataDir);
    run('umount', '-l', join(this.#outside, 'kept'));
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

function linkElsewhere(dataDir: string, outside: string): void {
  for (const name of elsewhere) {
    mkdirSync(join(outside, name), { mode: 0o700, recursive: true });
    symlinkSync(join(outside, name), join(dataDir, name));
  }
}

/** A disk with a file system that turns read-only when it meets an error, as the kernel does with disks that die. */
export class DyingDisk {
  readonly #outside = mkdtempSync(join(tmpdir(), 'luma-outside-'));
  #dataDir = '';

  static isPossible(): boolean {
    const disk = new DyingDisk();
    const dataDir = mkdtempSync(join(tmpdir(), 'luma-mount-'));
    try {
      disk.mountAt(dataDir);
      disk.die();
      return true;
    } catch (error) {
      if (error instanceof CommandError || isFileError(error)) return false;
      throw error;
    } finally {
      disk.unmount();
      rmSync(dataDir, { recursive: true, force: true });
    }
  }

  mountAt(dataDir: string): void {
    this.#dataDir = dataDir;
    run('dd', 'if=/dev/zero', `of=${this.#image}`, 'bs=1M', 'count=16', 'status=none');
    run('mkfs.ext4', '-q', '-F', '-O', '^has_journal', this.#image);
    this.mount('rw');
    chmodSync(dataDir, 0o700);
    linkElsewhere(dataDir, this.#outside);
  }

  /** What is written to it from now on fails; nothing but a new mount helps. */
  die(): void {
    const device = basename(run('findmnt', '-no', 'SOURCE', this.#dataDir));
    writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1');
  }

  /** After whoever used it has ended. */
  mount(how: 'ro' | 'rw'): void {
    run('mount', '-o', `loop,errors=remount-ro,${how}`, this.#image, this.#dataDir);
  }

  umount(): void {
    run('umount', this.#dataDir);
  }

  /** As an operator would. */
  repair(): void {
    Bun.spawnSync(['e2fsck', '-fy', this.#image]);
  }

  unmount(): void {
    Bun.spawnSync(['umount', '-l', this.#dataDir]);
    rmSync(this.#outside, { recursive: true, force: true });
  }

  get #image(): string {
    return join(this.#outside, 'image');
  }
}

class CommandError extends Error {}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'errno' in error;
}

function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new CommandError(`${command.join(' ')}: ${stderr}`);
  return stdout.toString().trim();
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
