import { afterEach, expect, test } from 'bun:test';
import { systemClock } from '../../base/clock.ts';
import { type InstanceMark, ProcessSession } from './process-session.ts';
import {
  findAlive,
  identify,
  isAlive,
  listProcesses,
  type ProcessIdentity,
  readProcess,
} from './process-table.ts';

const mark: InstanceMark = { installationId: 'here', instanceId: 'i-session' };
const markedEnvironment = { LUMA_INSTALLATION_ID: 'here', LUMA_INSTANCE_ID: 'i-session' };
const spawned: Bun.Subprocess[] = [];

function spawn(script: string, env: Record<string, string> = {}): ProcessIdentity {
  const child = Bun.spawn({
    cmd: ['/bin/sh', '-c', script],
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  });
  spawned.push(child);
  return identify(child.pid)!;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

const sessionOf = (leader: ProcessIdentity, of: InstanceMark = mark): ProcessSession =>
  new ProcessSession(leader, of, systemClock);
const pidsOf = (session: ProcessSession): number[] => session.members().map((one) => one.pid);

afterEach(async () => {
  for (const child of spawned.splice(0)) {
    await sessionOf(identify(child.pid) ?? { pid: child.pid, startTicks: 0, bootId: '' }).kill();
    child.kill('SIGKILL');
    await child.exited;
  }
});

test('children belong to the session of their leader, without any mark', async () => {
  const leader = spawn('sleep 60 & sleep 60 & wait');
  const session = sessionOf(leader);
  await until(() => session.members().length === 3);
  await session.kill();
  expect(session.members()).toEqual([]);
});

test('children that outlive their leader are still found and killed', async () => {
  const leader = spawn('sleep 60 & sleep 0.05');
  const session = sessionOf(leader);
  await until(() => session.members().length >= 2);
  await until(() => !session.isLeaderAlive());
  const [left] = pidsOf(session);
  expect(left).toBeDefined();
  await session.kill();
  expect(readProcess(left!)?.state ?? 'gone').toMatch(/^(gone|Z|X)$/);
});

test('whoever left the session is found by its mark', async () => {
  const leader = spawn('setsid sleep 60 & sleep 60', markedEnvironment);
  const session = sessionOf(leader);
  await until(() => session.members().some((one) => one.sessionId !== leader.pid));
  await session.kill();
  expect(session.members()).toEqual([]);
});

test('a stranger that was given the number of an ended leader is never signalled', async () => {
  const stranger = spawn('sleep 60');
  const session = sessionOf({ ...stranger, startTicks: stranger.startTicks - 1 });
  expect(session.members()).toEqual([]);
  session.signal('SIGTERM');
  await session.kill();
  expect(findAlive(stranger)).not.toBeNull();
});

test("a stranger's session with a dead leader is not taken for ours", async () => {
  // The daemon trick: its session carries the number of a process that ended.
  const stranger = spawn('sleep 60 & exit 0');
  await until(() => findAlive(stranger) === null);
  const session = sessionOf({ ...stranger, startTicks: stranger.startTicks - 1 });
  await session.kill();
  const left = sessionOf({ ...stranger }, mark);
  expect(left.members()).toEqual([]);
  const survivors = listProcesses().filter((one) => one.sessionId === stranger.pid && isAlive(one));
  expect(survivors.length).toBe(1);
  process.kill(survivors[0]!.pid, 'SIGKILL');
});

test('the mark of another installation, or of another instance, is none', async () => {
  const stranger = spawn('sleep 60', { ...markedEnvironment, LUMA_INSTALLATION_ID: 'elsewhere' });
  const sibling = spawn('sleep 60', { ...markedEnvironment, LUMA_INSTANCE_ID: 'i-other' });
  await sessionOf({ pid: 2 ** 30, startTicks: 0, bootId: '' }).kill();
  expect(findAlive(stranger)).not.toBeNull();
  expect(findAlive(sibling)).not.toBeNull();
});

test('a suspended session stands still whole, and goes on whole', async () => {
  const leader = spawn('sleep 60 & sleep 60 & wait');
  const session = sessionOf(leader);
  await until(() => session.members().length === 3);
  await session.suspend();
  expect(session.members().map((one) => one.state)).toEqual(['T', 'T', 'T']);
  session.signal('SIGCONT');
  await until(() => session.members().every((one) => one.state !== 'T'));
});
