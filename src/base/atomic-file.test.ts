import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAsideFiles, writeFileAtomic } from './atomic-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'luma-atomic-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  test('makes the file with the given permissions, private by default', async () => {
    const path = join(directory, 'state.json');
    await writeFileAtomic(path, 'one');
    expect(await readFile(path, 'utf8')).toBe('one');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await writeFileAtomic(path, 'two', { mode: 0o644 });
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  test('shows a reader the old content or the new, never a part', async () => {
    const path = join(directory, 'state.json');
    const contents = ['a'.repeat(300_000), 'b'.repeat(200_000)];
    await writeFileAtomic(path, contents[0] ?? '');
    let isWriting = true;
    const writer = (async () => {
      for (let turn = 0; turn < 30; turn++) await writeFileAtomic(path, contents[turn % 2] ?? '');
      isWriting = false;
    })();
    while (isWriting) expect(contents).toContain(await readFile(path, 'utf8'));
    await writer;
  });

  test('lets two writers of one file both succeed, and leaves nothing aside', async () => {
    const path = join(directory, 'state.json');
    await Promise.all(Array.from({ length: 10 }, (_, index) => writeFileAtomic(path, `content ${index}`)));
    expect(await readFile(path, 'utf8')).toMatch(/^content \d$/);
    expect(await readdir(directory)).toEqual(['state.json']);
  });

  test('keeps the old content and cleans up when the file cannot be replaced', async () => {
    const path = join(directory, 'in-the-way');
    await mkdir(join(path, 'child'), { recursive: true });
    await expect(writeFileAtomic(path, 'x')).rejects.toThrow();
    expect(await readdir(directory)).toEqual(['in-the-way']);
    expect(await readdir(path)).toEqual(['child']);
  });

  test('writes bytes as they are', async () => {
    const bytes = new Uint8Array([0, 255, 10, 13, 128]);
    await writeFileAtomic(join(directory, 'key'), bytes);
    expect(new Uint8Array(await readFile(join(directory, 'key')))).toEqual(bytes);
  });
});

test('removeAsideFiles removes what a crashed write left, and nothing else', async () => {
  const path = join(directory, 'state.json');
  await writeFileAtomic(path, 'kept');
  await writeFile(join(directory, '.state.json.aside-0a1b2c3d'), 'half');
  await writeFile(join(directory, '.other.json.aside-0a1b2c3d'), 'half');
  await removeAsideFiles(path);
  expect((await readdir(directory)).sort()).toEqual(['.other.json.aside-0a1b2c3d', 'state.json']);
});
