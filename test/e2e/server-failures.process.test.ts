/** What clients get while the server is killed, hangs, or is ended for want of memory: the edge outlives it. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Luma, until } from './luma.ts';

const limitMs = 120_000;
const memoryGroups = '/sys/fs/cgroup/memory';
let luma: Luma;

beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process', apart: true, workers: 2 });
  await luma.add({ name: 'awake', idle_timeout: 'never' });
  await luma.add({ name: 'asleep', idle_timeout: 'never', wake_timeout: '3s', stop_timeout: '1s' });
}, limitMs);
afterAll(async () => {
  await luma?.stop();
}, limitMs);

const it = (sentence: string, run: () => Promise<void>): void => test(sentence, run, limitMs);
const statusOf = async (name: string): Promise<number> => (await luma.get(`${name}.localhost`)).status;

/** One that is awake, one that sleeps. */
async function settle(): Promise<void> {
  for (const name of ['awake', 'asleep']) expect(await statusOf(name)).toBe(200);
  expect((await luma.api('POST', '/projects/asleep/sleep')).status).toBe(200);
}

const instanceOf = async (name: string): Promise<string> => {
  const { json } = await luma.api('GET', `/projects/${name}`);
  return (json['instances'] as { id: string; since: string }[])[0]?.id ?? '';
};

it('killed: awake projects serve on, a request for a sleeping one is answered by the next server', async () => {
  await settle();
  const instance = await instanceOf('awake');
  await luma.killServer();
  expect(await statusOf('awake')).toBe(200);
  const held = statusOf('asleep');
  await luma.startServer();
  expect(await held).toBe(200);
  expect(await instanceOf('awake')).toBe(instance);
});

it('killed, and none in its place: a request for a sleeping project gets 503 with Retry-After in time', async () => {
  await settle();
  await luma.killServer();
  const late = await luma.get('asleep.localhost');
  expect([late.status, Number(late.headers.get('retry-after')) > 0]).toEqual([503, true]);
  expect(await statusOf('awake')).toBe(200);
  await luma.startServer();
  expect(await statusOf('asleep')).toBe(200);
});

it('hung: awake projects serve on, a request for a sleeping one gets 503 in time, and afterwards all goes on', async () => {
  await settle();
  const pid = luma.serverPid;
  process.kill(pid, 'SIGSTOP');
  try {
    expect(await statusOf('awake')).toBe(200);
    const late = await luma.get('asleep.localhost');
    expect([late.status, Number(late.headers.get('retry-after')) > 0]).toEqual([503, true]);
    expect(await statusOf('awake')).toBe(200);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(await statusOf('asleep')).toBe(200);
  expect(luma.serverPid).toBe(pid);
  await until('the proxy to be connected', async () => {
    return (await luma.api('GET', '/healthz')).json['proxy'] === 'connected';
  });
});

test.skipIf(!existsSync(join(memoryGroups, 'memory.limit_in_bytes')))(
  'ended by the kernel for want of memory: awake projects serve on, the next server takes them over',
  async () => {
    await settle();
    const instance = await instanceOf('awake');
    const group = join(memoryGroups, `luma-test-${luma.serverPid}`);
    mkdirSync(group);
    try {
      writeFileSync(join(group, 'memory.limit_in_bytes'), '2M');
      writeFileSync(join(group, 'memory.swappiness'), '0');
      // What it has is charged elsewhere; what it takes from now on is charged here, and is soon too much.
      writeFileSync(join(group, 'cgroup.procs'), String(luma.serverPid));
      await until('the kernel to end it', async () => {
        await Promise.allSettled(Array.from({ length: 20 }, () => luma.api('GET', '/openapi.json')));
        return !existsSync(`/proc/${luma.serverPid}`) || luma.serverSignal === 'SIGKILL';
      });
    } finally {
      await luma.killServer();
      rmdirSync(group);
    }
    expect(luma.serverSignal).toBe('SIGKILL');
    expect(await statusOf('awake')).toBe(200);
    await luma.startServer();
    expect(await statusOf('asleep')).toBe(200);
    expect(await instanceOf('awake')).toBe(instance);
  },
  limitMs,
);
