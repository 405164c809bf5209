import { afterAll, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseRunUser, mayExecute, mayRead, mayWorkIn, nameOf, ownUser, type RunUser } from './run-user.ts';

const isRoot = process.getuid?.() === 0;
const folder = mkdtempSync(join(tmpdir(), 'luma-user-'));
chmodSync(folder, 0o755);
afterAll(() => {
  // Whoever is not root must open a folder before it can be emptied.
  for (const name of readdirSync(folder))
    if (name.startsWith('folder-')) chmodSync(join(folder, name), 0o700);
  rmSync(folder, { recursive: true, force: true });
});

test('root never runs instances itself, unless told to', () => {
  if (!isRoot) return;
  const user = chooseRunUser();
  expect(['luma', 'nobody']).toContain(user.name);
  expect(user).toMatchObject({ isOther: true });
  expect(user.uid).not.toBe(0);
  expect(chooseRunUser('root')).toMatchObject({ uid: 0, isOther: false });
  expect(chooseRunUser('1234:5678')).toMatchObject({ uid: 1234, gid: 5678, home: '/', isOther: true });
  expect(() => chooseRunUser('no-such-user')).toThrow(expect.objectContaining({ code: 'run_user_unknown' }));
});

test('anybody else runs them as himself, and cannot choose', () => {
  if (isRoot) return;
  expect(chooseRunUser()).toMatchObject({ uid: process.getuid?.() ?? -1, isOther: false });
  expect(() => chooseRunUser('root')).toThrow(expect.objectContaining({ code: 'run_user_needs_root' }));
});

test('a user without a name is called by number', () => {
  expect(nameOf({ username: 'ada', uid: 1000 })).toBe('ada');
  expect(nameOf({ username: 'unknown', uid: 54321 })).toBe('uid 54321');
  const unknown = ownUser(() => {
    throw new Error('ENOENT: no such file or directory, uv_os_homedir');
  });
  expect(unknown).toMatchObject({ username: '', uid: process.getuid?.() ?? -1 });
  expect(nameOf(unknown)).toBe(`uid ${unknown.uid}`);
});

/** Every judgement is the kernel's own: asked by a process that really runs as the user. */
test('judges what the user may do as the kernel does', () => {
  const user: RunUser = isRoot ? chooseRunUser('nobody') : chooseRunUser();
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const paths: string[] = [
    '/',
    '/etc/passwd',
    '/bin/sh',
    '/bin/sh/nothing',
    '/no/such/file',
    closed,
    join(closed, 'x'),
  ];
  writeFileSync(join(closed, 'x'), '', { mode: 0o777 });
  mkdirSync(join(closed, 'in'), { mode: 0o777 });
  symlinkSync('/bin/sh', join(closed, 'link-out'));
  symlinkSync(join(closed, 'x'), join(folder, 'link-in'));
  symlinkSync('/bin/sh', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  paths.push(join(closed, 'in'), join(closed, 'link-out'), join(folder, 'link-in'), join(folder, 'link'));
  paths.push(join(folder, 'dangling'));
  for (const mode of [0o000, 0o400, 0o444, 0o500, 0o555, 0o711, 0o744, 0o755]) {
    const file = join(folder, `file-${mode.toString(8)}`);
    writeFileSync(file, '');
    chmodSync(file, mode);
    const inner = join(folder, `folder-${mode.toString(8)}`);
    mkdirSync(inner);
    chmodSync(inner, mode);
    paths.push(file, inner);
  }
  const kernelSays = (flags: string, path: string): boolean =>
    Bun.spawnSync({
      cmd: [
        '/bin/sh',
        '-c',
        flags
          .split('')
          .map((flag) => `test -${flag} "$1"`)
          .join(' && '),
        'sh',
        path,
      ],
      ...(user.isOther ? { uid: user.uid, gid: user.gid } : {}),
    }).exitCode === 0;
  for (const path of paths) {
    expect([path, mayRead(user, path)]).toEqual([path, kernelSays('r', path)]);
    expect([path, mayExecute(user, path)]).toEqual([path, kernelSays('fx', path)]);
    expect([path, mayWorkIn(user, path)]).toEqual([path, kernelSays('rx', path)]);
  }
});
