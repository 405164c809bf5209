import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileLock } from './file-lock.ts';

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'luma-lock-')), 'lock');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }));

const holder = `
  import { FileLock } from ${JSON.stringify(join(import.meta.dir, 'file-lock.ts'))};
  console.log(FileLock.tryTake(process.argv.at(-1)).kind);
  setInterval(() => {}, 1000);`;

test('is taken once, names its holder, and can be taken again when given back', () => {
  const first = FileLock.tryTake(path);
  expect(first.kind).toBe('taken');
  expect(FileLock.tryTake(path)).toEqual({ kind: 'held', pid: process.pid });
  if (first.kind === 'taken') first.lock.release();
  expect(FileLock.tryTake(path).kind).toBe('taken');
});

test('dies with its process, also at a kill -9', async () => {
  const child = Bun.spawn([process.execPath, '-e', holder, path], { stdout: 'pipe' });
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('taken\n');
  expect(FileLock.tryTake(path)).toEqual({ kind: 'held', pid: child.pid });
  child.kill('SIGKILL');
  await child.exited;
  expect(FileLock.tryTake(path).kind).toBe('taken');
});

test('is not inherited by programs that its holder starts', async () => {
  const first = FileLock.tryTake(path);
  const child = Bun.spawn(['sleep', '30']);
  if (first.kind === 'taken') first.lock.release();
  expect(FileLock.tryTake(path).kind).toBe('taken');
  child.kill();
  await child.exited;
});
