import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootArchive } from './root-archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-archive-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('an archive unpacks to the same files, modes and folders', async () => {
  const large = join(folder, 'large');
  writeFileSync(large, Buffer.alloc(300_000, 'abc'));
  const archive = join(folder, 'root.tar');
  const chunks: Uint8Array[] = [];
  const entries = [
    { kind: 'folder', path: 'tmp', mode: 0o1777 },
    { kind: 'text', path: 'etc/passwd', mode: 0o644, text: 'x'.repeat(512) },
    { kind: 'text', path: 'empty', mode: 0o600, text: '' },
    { kind: 'bytes', path: 'program', mode: 0o555, bytes: Uint8Array.of(0, 255, 10) },
    { kind: 'file', path: 'bin/large', mode: 0o755, from: large },
  ] as const;
  for await (const chunk of rootArchive(entries)) chunks.push(chunk);
  writeFileSync(archive, Buffer.concat(chunks));
  const target = join(folder, 'target');
  mkdirSync(target);
  const tar = Bun.spawnSync(['tar', '-xpf', archive, '-C', target]);
  expect(tar.stderr.toString()).toBe('');
  expect(readFileSync(join(target, 'bin/large')).equals(readFileSync(large))).toBe(true);
  expect(readFileSync(join(target, 'etc/passwd'), 'utf8')).toBe('x'.repeat(512));
  expect([...readFileSync(join(target, 'program'))]).toEqual([0, 255, 10]);
  const mode = (path: string): number => statSync(join(target, path)).mode & 0o7777;
  expect([mode('tmp'), mode('etc/passwd'), mode('empty'), mode('bin/large')]).toEqual([
    0o1777, 0o644, 0o600, 0o755,
  ]);
});
