import { afterAll, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_PROBES } from '../../domain/probe.ts';
import { DEFAULT_REVISION_SETTINGS, type RevisionSettings } from '../../domain/project.ts';
import { findProblems } from './problems.ts';
import { chooseRunUser } from './run-user.ts';

const isRoot = process.getuid?.() === 0;
const user = isRoot ? chooseRunUser('nobody') : chooseRunUser();
const folder = mkdtempSync(join(tmpdir(), 'luma-problems-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function problemsOf(settings: Partial<RevisionSettings>): string[] {
  const complete: RevisionSettings = {
    ...DEFAULT_REVISION_SETTINGS,
    image: null,
    command: ['sleep', '1'],
    ...settings,
  };
  return findProblems(complete, user).map(({ field, code }) => `${field} ${code}`);
}

test('a command is all that is needed', () => {
  expect(problemsOf({})).toEqual([]);
  expect(problemsOf({ command: null, entrypoint: ['sleep', '1'] })).toEqual([]);
  expect(problemsOf({ command: null })).toEqual(['command command_required']);
  expect(problemsOf({ command: [] })).toEqual(['command command_required']);
  expect(problemsOf({ command: [''] })).toEqual(['command command_required']);
});

test('an image is refused, and what to do instead is said', () => {
  const image = 'nginxdemos/hello';
  expect(problemsOf({ image })).toEqual(['docker_image runtime_cannot_run_images']);
  expect(problemsOf({ image, command: null })).toEqual(['docker_image runtime_cannot_run_images']);
  const settings = { ...{ image, command: null, entrypoint: null, workingDir: null, envVars: {} } };
  const rest = { containerPort: null, healthCheck: null, probes: NO_PROBES, stopTimeoutMs: 10_000 };
  const [problem] = findProblems({ ...settings, ...rest }, user);
  expect(problem).toMatchObject({
    value: image,
    message: expect.stringMatching(/command.*--runtime docker/),
  });
});

test('the working directory must be a folder that the user can read', () => {
  expect(problemsOf({ workingDir: '/' })).toEqual([]);
  expect(problemsOf({ workingDir: 'relative' })).toEqual(['working_dir working_dir_not_absolute']);
  expect(problemsOf({ workingDir: '/no/such/folder' })).toEqual(['working_dir working_dir_unreadable']);
  expect(problemsOf({ workingDir: '/bin/sh' })).toEqual(['working_dir working_dir_not_a_folder']);
  const closed = join(folder, 'closed');
  mkdirSync(closed);
  chmodSync(closed, isRoot ? 0o700 : 0o000);
  expect(problemsOf({ workingDir: closed })).toEqual(['working_dir working_dir_unreadable']);
  chmodSync(closed, 0o755);
  // Its parent, as mkdtemp makes it, is closed to others.
  expect(problemsOf({ workingDir: closed })).toEqual(isRoot ? ['working_dir working_dir_unreadable'] : []);
});

test('a port that only root may open is refused for anybody else', () => {
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  expect(problemsOf({ containerPort: first })).toEqual([]);
  if (first > 1) expect(problemsOf({ containerPort: first - 1 })).toEqual(['container_port port_needs_root']);
});
