/** The test command must not lie: whatever goes wrong in a file is counted as failed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type JobResult, readJunit, runJob, testFileJob } from '../../scripts/job.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-test-command-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const head = "import { expect, test } from 'bun:test';\n";

function runFile(name: string, body: string, timeoutMs = 30_000): Promise<JobResult> {
  writeFileSync(join(folder, name), head + body);
  return runJob(testFileJob(name, [], timeoutMs), { root: folder, env: process.env });
}

describe('a test file', () => {
  test('counts what passed, failed and was skipped', async () => {
    const body = `test('a', () => {}); test('b', () => {}); test('c', () => expect(1).toBe(2)); test.skip('d', () => {});`;
    expect(await runFile('mixed.test.ts', body)).toMatchObject({ passed: 2, failed: 1, skipped: 1 });
  });

  test('counts as one failure when it throws before its tests', async () => {
    expect(await runFile('throws.test.ts', "throw new Error('top');")).toMatchObject({
      passed: 0,
      failed: 1,
    });
  });

  test('counts as one failure when it holds no test', async () => {
    expect(await runFile('empty.test.ts', 'void expect; void test;')).toMatchObject({ passed: 0, failed: 1 });
  });

  test('counts as one failure when the process dies in the middle', async () => {
    const result = await runFile('dies.test.ts', "test('a', () => process.kill(process.pid, 'SIGKILL'));");
    expect(result).toMatchObject({ passed: 0, failed: 1 });
  });

  test('counts as one failure when its process exits as if nothing were wrong', async () => {
    const result = await runFile('exits.test.ts', "test('a', () => process.exit(0)); test('b', () => {});");
    expect(result).toMatchObject({ passed: 0, failed: 1 });
  });

  test('is ended and counted as failed when it hangs', async () => {
    const result = await runFile('hangs.test.ts', "test('a', () => new Promise(() => {}), 60_000);", 700);
    expect(result.failed).toBe(1);
    expect(result.output).toContain('was ended');
  });
});

test('a report without totals counts nothing', () => {
  expect(readJunit('')).toEqual({ passed: 0, failed: 0, skipped: 0 });
});

describe('./luma-test', () => {
  const root = resolve(import.meta.dir, '../..');
  const run = (...args: string[]): { exitCode: number; stdout: string; stderr: string } => {
    const done = Bun.spawnSync([join(root, 'luma-test'), ...args], { cwd: tmpdir() });
    return { exitCode: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  };

  test('ends with one line of totals and exit code 0 when all is well', () => {
    const { exitCode, stdout } = run('--unit', 'src/base/random-id');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('3 passed, 0 failed');
    expect(exitCode).toBe(0);
  });

  test('refuses a pattern that names nothing, and unknown flags', () => {
    expect(run('--unit', 'no-such-file')).toMatchObject({ exitCode: 2, stdout: '' });
    expect(run('--fast').exitCode).toBe(2);
  });
});
