import { expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  bootId,
  commandLineOf,
  environmentOf,
  findAlive,
  identify,
  isAlive,
  listProcesses,
  parseStat,
  readProcess,
} from './process-table.ts';

const fieldsAfterName = 'S 1 42 42 0 -1 4194304 56 0 0 0 0 0 0 0 20 0 1 0 125473 2560000 346';

test('a process may be named anything, also like the fields after its name', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 15 }), (name) => {
      expect(parseStat(42, `42 (${name}) ${fieldsAfterName}`)).toEqual({
        pid: 42,
        sessionId: 42,
        state: 'S',
        startTicks: 125473,
      });
    }),
  );
  expect(parseStat(7, '7 (a) R 1 (b) S 1 1 1)')).toBeNull();
  expect(parseStat(7, '')).toBeNull();
});

test('a process is known by more than its number', () => {
  const self = identify(process.pid)!;
  expect(findAlive(self)).toMatchObject({ pid: process.pid });
  expect(findAlive({ ...self, startTicks: self.startTicks - 1 })).toBeNull();
  expect(findAlive({ ...self, bootId: 'an earlier boot' })).toBeNull();
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/);
});

test('what has ended is not alive, although its number is taken until its parent has heard', async () => {
  // A shell that turned into `sleep` never waits for its child, which ends only then.
  const parent = Bun.spawn({
    cmd: ['/bin/sh', '-c', '(until grep -aq ^sleep /proc/$$/cmdline; do :; done) & echo $!; exec sleep 60'],
    stdout: 'pipe',
  });
  try {
    const { value } = await parent.stdout.getReader().read();
    const zombie = Number(new TextDecoder().decode(value));
    while (readProcess(zombie)?.state !== 'Z') await Bun.sleep(1);
    expect(isAlive(readProcess(zombie)!)).toBe(false);
    expect(findAlive(identify(zombie)!)).toBeNull();
    expect(listProcesses().some((one) => one.pid === zombie)).toBe(true);
  } finally {
    parent.kill('SIGKILL');
    await parent.exited;
  }
});

test('environment and command line are read as they were given', async () => {
  const env = { PLAIN: 'yes', EMPTY: '', EQUALS: 'a=b=c' };
  const child = Bun.spawn({ cmd: ['/bin/sleep', '60'], env });
  try {
    // Empty for a moment while the kernel sets up the new program.
    while (environmentOf(child.pid)?.size === 0) await Bun.sleep(1);
    expect(environmentOf(child.pid)).toEqual(new Map(Object.entries(env)));
    expect(commandLineOf(child.pid)).toBe('/bin/sleep 60');
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
  expect(environmentOf(child.pid)).toBeNull();
  expect(identify(child.pid)).toBeNull();
});
