import { afterAll, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseRunUser, mayExecute, mayRead } from './run-user.ts';
import { Stage } from './stage.ts';

const isRoot = process.getuid?.() === 0;
const user = isRoot ? chooseRunUser('nobody') : chooseRunUser();
const folder = mkdtempSync(join(tmpdir(), 'luma-stage-'));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Luma as it lies in root's home: closed to everybody else. */
const closed = join(folder, 'closed');
mkdirSync(closed, { mode: 0o700 });
const bunPath = join(closed, 'bun');
writeFileSync(bunPath, '#!/bin/sh\necho "bun: $*"\n');
chmodSync(bunPath, 0o755);
const helloPath = join(closed, 'server.ts');
writeFileSync(helloPath, 'hello', { mode: 0o600 });

test('what can be executed where it lies is not copied', () => {
  const place = join(folder, 'unused');
  const stage = new Stage({ user, folders: [place], bunPath: '/bin/sh', helloPath: '/etc/passwd' });
  expect(stage.hello().slice(0, 2)).toEqual(['/bin/sh', '/etc/passwd']);
  expect(existsSync(place)).toBe(false);
});

test('what lies in a closed folder is copied to the first that the user can reach, once', () => {
  if (!isRoot) return;
  const place = join(folder, 'open');
  const stage = new Stage({ user, folders: [join(closed, 'stage'), place], bunPath, helloPath });
  const [bun = '', script = ''] = stage.hello();
  expect(bun.startsWith(place) && script.startsWith(place)).toBe(true);
  expect(mayExecute(user, bun)).toBe(true);
  expect(mayRead(user, script)).toBe(true);
  const { ino } = statSync(script);
  expect(stage.hello().slice(0, 2)).toEqual([bun, script]);
  expect(statSync(script).ino).toBe(ino);

  writeFileSync(helloPath, 'a newer hello', { mode: 0o600 });
  expect(stage.hello()[1]).not.toBe(script);
  expect(existsSync(script)).toBe(true);
  expect(existsSync(join(closed, 'stage'))).toBe(false);
  stage.clear();
  expect(existsSync(place)).toBe(false);
});

test('a folder that somebody else has prepared is not used', () => {
  if (!isRoot) return;
  const trap = join(folder, 'trap');
  const writable = join(folder, 'writable');
  mkdirSync(writable);
  chmodSync(writable, 0o777);
  symlinkSync(writable, trap);
  const stage = new Stage({ user, folders: [trap, writable], bunPath, helloPath });
  expect(() => stage.hello()).toThrow(/belongs to somebody else/);
  stage.clear();
  expect(existsSync(writable)).toBe(true);
});
