import { afterAll, afterEach, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { InstanceSpec, LogLine, Runtime, RuntimeEvent } from '../contract.ts';
import { helloCommand } from '../hello/index.ts';
import { createProcessRuntime } from './index.ts';
import type { Run } from './instance-files.ts';
import { OUTPUT_KEPT_BYTES } from './limits.ts';
import { environmentOf, findAlive, isAlive, listProcesses, readProcess } from './process-table.ts';
import { chooseRunUser } from './run-user.ts';
import { TestApps, testKey } from './test-apps.ts';

const isRoot = process.getuid?.() === 0;
const apps = new TestApps();
const dataDir = join(apps.folder, 'data');
const made: string[] = [];
const runtimes: Runtime[] = [];
const runtime = open();

function open(): Runtime {
  const opened = createProcessRuntime({
    installationId: 'tested',
    dataDir,
    instanceKey: testKey,
    clock: systemClock,
    log: silentLog,
  });
  runtimes.push(opened);
  return opened;
}

afterEach(async () => {
  for (const id of made.splice(0)) await runtime.remove(id);
});
afterAll(async () => {
  for (const opened of runtimes) await opened.close();
  apps.remove();
});

const folderOf = (id: string): string => join(dataDir, 'instances', id);
const runOf = (id: string): Run => JSON.parse(readFileSync(join(folderOf(id), 'run.json'), 'utf8')).run;
const changeRun = (id: string, change: Partial<Run>): void =>
  writeFileSync(
    join(folderOf(id), 'run.json'),
    JSON.stringify({ format: 1, run: { ...runOf(id), ...change } }),
  );
const urlOf = (address: { port: number }): string => `http://127.0.0.1:${address.port}/`;

async function started(spec: InstanceSpec): Promise<{ id: string; port: number; pid: number }> {
  made.push(spec.instanceId);
  await runtime.prepare(spec);
  const { address } = await runtime.start(spec.instanceId);
  return { id: spec.instanceId, port: address.port, pid: runOf(spec.instanceId).process!.pid };
}

async function until<T>(what: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await what();
    if (value !== undefined && value !== false) return value;
    await Bun.sleep(2);
  }
}

const answers = (port: number): Promise<boolean> =>
  fetch(urlOf({ port })).then(
    (response) => response.ok,
    () => false,
  );
const marked = (id: string): number[] =>
  listProcesses()
    .filter((one) => isAlive(one) && environmentOf(one.pid)?.get('LUMA_INSTANCE_ID') === id)
    .map((one) => one.pid);
const exitOf = (id: string, of = runtime): Promise<Extract<RuntimeEvent, { kind: 'exited' }>> => {
  const { promise, resolve } = Promise.withResolvers<Extract<RuntimeEvent, { kind: 'exited' }>>();
  const stop = of.watch((event) => {
    if (event.kind !== 'exited' || event.instanceId !== id) return;
    stop();
    resolve(event);
  });
  return promise;
};
const linesOf = (id: string, of = runtime): Promise<LogLine[]> => Array.fromAsync(of.logs(id));

test('runs as the unprivileged user, without groups, in a session of its own', async () => {
  const { pid } = await started(apps.shell('exec sleep 60'));
  const user = chooseRunUser();
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`^Uid:(\\s+${user.uid}){4}$`, 'm'));
  expect(status).toMatch(new RegExp(`^Gid:(\\s+${user.gid}){4}$`, 'm'));
  expect(readProcess(pid)?.sessionId).toBe(pid);
  if (!isRoot) return;
  expect(user.uid).not.toBe(0);
  expect(status).toMatch(/^Groups:\s*$/m);
  expect(status).toMatch(/^CapEff:\s+0+$/m);
});

test("nothing of Luma's own environment, descriptors or folder leaks", async () => {
  process.env['LUMA_SECRET_OF_THE_SERVER'] = 'secret';
  const spec = apps.shell('exec sleep 60');
  const { pid, port, id } = await started(spec);
  delete process.env['LUMA_SECRET_OF_THE_SERVER'];
  await until(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep'));
  await until(() => environmentOf(pid)!.size > 0);
  const { name, home } = chooseRunUser();
  expect(Object.fromEntries(environmentOf(pid)!)).toEqual({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: home,
    USER: name,
    LANG: 'C.UTF-8',
    // The shell's own.
    PWD: '/',
    GREETING: 'hello, you',
    PORT: String(port),
    K_SERVICE: 'shop',
    K_REVISION: 'shop-00003',
    K_CONFIGURATION: 'shop',
    LUMA_SERVICE: 'shop',
    LUMA_REVISION: 'shop-00003',
    LUMA_CONFIGURATION: 'shop',
    LUMA_INSTANCE_ID: id,
    LUMA_INSTALLATION_ID: 'tested',
  });
  expect(readdirSync(`/proc/${pid}/fd`).sort()).toEqual(['0', '1', '2']);
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
});

test('what the instance must not read is closed to it', async () => {
  const { id } = await started(apps.shell('exec sleep 60'));
  for (const name of ['spec.json', 'run.json', 'stdout.log']) {
    expect(statSync(join(folderOf(id), name)).mode & 0o077).toBe(0);
  }
  expect(statSync(folderOf(id)).mode & 0o077).toBe(0);
});

test('an app may open its output again by /dev/stdout, as nginx does', async () => {
  const { id } = await started(apps.shell('echo direct; echo again >> /dev/stdout; exec sleep 60'));
  const lines = await until(async () => {
    const all = await linesOf(id);
    return all.length >= 2 && all;
  });
  expect(lines.map((line) => line.text)).toEqual(['direct', 'again']);
});

test('entrypoint and command make one command line, run in the working directory', async () => {
  const workingDir = join(apps.folder, 'work');
  mkdirSync(workingDir, { recursive: true, mode: 0o755 });
  writeFileSync(join(workingDir, 'script.sh'), '#!/bin/sh\necho "$PWD $1 $2"\n', { mode: 0o755 });
  const spec = apps.spec({ entrypoint: ['./script.sh', 'a b'], command: ['$HOME'], workingDir });
  made.push(spec.instanceId);
  await runtime.prepare(spec);
  const exited = exitOf(spec.instanceId);
  await runtime.start(spec.instanceId);
  expect((await exited).exit.code).toBe(0);
  expect(await linesOf(spec.instanceId)).toMatchObject([
    { text: `${workingDir} a b $HOME`, stream: 'stdout' },
  ]);
});

test('names the program that is missing, and where it was looked for', async () => {
  const missing = apps.spec({ command: ['no-such-program'], envVars: { PATH: '/opt/none:/bin' } });
  await expect(runtime.prepare(missing)).rejects.toMatchObject({
    code: 'command_not_found',
    message: expect.stringMatching(/no-such-program.*\/opt\/none:\/bin/),
  });
  const closed = apps.spec({ command: [join(apps.folder, 'app.ts')] });
  await expect(runtime.prepare(closed)).rejects.toMatchObject({
    code: 'command_not_found',
    message: expect.stringContaining('or the user '),
  });
  expect(existsSync(folderOf(missing.instanceId))).toBe(false);
});

test('a program that disappears after it was prepared is missed at the start', async () => {
  const path = join(apps.folder, 'vanishing');
  writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
  const spec = apps.spec({ command: [path] });
  made.push(spec.instanceId);
  await runtime.prepare(spec);
  rmSync(path);
  await expect(runtime.start(spec.instanceId)).rejects.toMatchObject({ code: 'command_not_found' });
  writeFileSync(path, '#!/no/such/interpreter\n', { mode: 0o755 });
  await expect(runtime.start(spec.instanceId)).rejects.toMatchObject({ code: 'command_not_found' });
  expect((await runtime.list()).find((one) => one.instanceId === spec.instanceId)?.state).toBe('prepared');
});

test('an instance keeps its port over its sleeps', async () => {
  const { id, port } = await started(apps.app());
  await until(() => answers(port));
  await runtime.stop(id, 5_000);
  expect((await runtime.start(id)).address.port).toBe(port);
});

test('an instance whose port was taken while it slept gets another', async () => {
  const { id, port } = await started(apps.app());
  await until(() => answers(port));
  await runtime.stop(id, 5_000);
  const stranger = Bun.serve({ hostname: '127.0.0.1', port, fetch: () => new Response('stranger') });
  try {
    const { address } = await runtime.start(id);
    expect(address.port).not.toBe(port);
    await until(() => answers(address.port));
  } finally {
    await stranger.stop(true);
  }
});

test('an app that complained about its port gets another at its next start', async () => {
  const script =
    'if [ -e $0.again ]; then exec sleep 60; fi; echo "listen EADDRINUSE: address already in use" >&2; exit 1';
  const { id, port } = await started(apps.shell(script));
  await until(() => runOf(id).exit !== null);
  expect(runOf(id).lostPort).toBe(true);
  expect((await runtime.start(id)).address.port).not.toBe(port);
});

test('a port that the project asks for is kept free of conflicts, and the holder is named', async () => {
  const first = await started(apps.app());
  await until(() => answers(first.port));
  const second = apps.spec({ ...apps.app().settings, containerPort: first.port });
  made.push(second.instanceId);
  await runtime.prepare(second);
  await expect(runtime.start(second.instanceId)).rejects.toMatchObject({
    code: 'port_conflict',
    message: expect.stringContaining(`the project shop (process ${first.pid})`),
  });
  await runtime.stop(first.id, 5_000);
  expect((await runtime.start(second.instanceId)).address.port).toBe(first.port);
});

test('a stop takes children along, also those that left the session', async () => {
  const { id, port } = await started(apps.app('--child', '--escaped-child'));
  await until(() => answers(port));
  await until(() => marked(id).length === 3);
  await runtime.stop(id, 300);
  expect(marked(id)).toEqual([]);
});

test('children of an instance that crashed do not outlive it', async () => {
  const { id, port, pid } = await started(apps.app('--child', '--escaped-child'));
  await until(() => answers(port));
  await until(() => marked(id).length === 3);
  const exited = exitOf(id);
  process.kill(pid, 'SIGKILL');
  expect((await exited).exit).toMatchObject({ code: null, signal: 'SIGKILL', outOfMemory: false });
  expect(marked(id)).toEqual([]);
});

test('children get the time to end that their parent does not need', async () => {
  const inner = 'trap "sleep 0.2; echo done; exit" TERM; echo ready; while :; do sleep 0.01; done';
  const { id } = await started(apps.shell(`sh -c '${inner}' & wait`));
  await until(async () => (await linesOf(id)).some((line) => line.text === 'ready'));
  await runtime.stop(id, 10_000);
  expect((await linesOf(id)).at(-1)?.text).toBe('done');
});

test('a flood of output is bounded on disk and stops nothing', async () => {
  const { id } = await started(
    apps.shell('echo begin; yes "a rather long line of nothing" | head -c 60000000; echo end; exec sleep 60'),
  );
  const lines = await until(async () => {
    const tail = await Array.fromAsync(runtime.logs(id, { tail: 3 }));
    return tail.at(-1)?.text === 'end' && tail;
  });
  expect(lines.length).toBe(3);
  const { blocks } = statSync(join(folderOf(id), 'stdout.log'));
  expect(blocks * 512).toBeLessThanOrEqual(2 * OUTPUT_KEPT_BYTES + 4096);
});

test('a follower gets every line of a busy app, in order', async () => {
  const count = 20_000;
  const script = `i=0; while [ $i -lt ${count} ]; do echo $i; i=$((i+1)); done; exec sleep 60`;
  const { id } = await started(apps.shell(script));
  const abort = new AbortController();
  let next = 0;
  for await (const { text } of runtime.logs(id, { follow: true, signal: abort.signal })) {
    expect(text).toBe(String(next));
    next += 1;
    if (next === count) abort.abort();
  }
  expect(next).toBe(count);
});

test('a record with a pid that somebody else has now leads to no signal', async () => {
  const { id } = await started(apps.app());
  await runtime.stop(id, 5_000);
  const stranger = Bun.spawn({ cmd: ['/bin/sleep', '60'], detached: true });
  try {
    const { startTicks } = readProcess(stranger.pid)!;
    const reused = { ...runOf(id).process!, pid: stranger.pid, startTicks: startTicks - 100 };
    changeRun(id, { exit: null, process: reused });
    const next = open();
    const one = (await next.list()).find((each) => each.instanceId === id);
    expect(one).toMatchObject({ state: 'exited', exit: { code: null, signal: null } });
    await next.stop(id, 100);
    await next.remove(id);
    expect(stranger.exitCode).toBeNull();
    expect(stranger.signalCode).toBeNull();
  } finally {
    stranger.kill('SIGKILL');
    await stranger.exited;
  }
});

test('a process whose pid was never written down is found by its mark', async () => {
  const { id, pid, port } = await started(apps.app());
  await until(() => answers(port));
  changeRun(id, { process: null });
  const next = open();
  const one = (await next.list()).find((each) => each.instanceId === id);
  expect(one).toMatchObject({ state: 'running', address: { port } });
  expect(runOf(id).process?.pid).toBe(pid);
  await next.stop(id, 5_000);
  expect(marked(id)).toEqual([]);
});

test('an instance whose folder is gone is still listed, and removed', async () => {
  const { id, pid, port } = await started(apps.app());
  await until(() => answers(port));
  rmSync(folderOf(id), { recursive: true });
  const next = open();
  const one = (await next.list()).find((each) => each.instanceId === id);
  expect(one).toMatchObject({ project: 'shop', revision: 3, state: 'running', address: { port } });
  await next.remove(id);
  expect(isAlive(readProcess(pid) ?? { pid, sessionId: pid, startTicks: 0, state: 'X' })).toBe(false);
});

test('one folder that cannot be read hides no other instance', async () => {
  const { id } = await started(apps.app());
  mkdirSync(folderOf('i-future'), { recursive: true });
  writeFileSync(join(folderOf('i-future'), 'spec.json'), '{"format":99}');
  const next = open();
  const found = (await next.list()).map((one) => one.instanceId);
  expect(found).toContain(id);
  expect(found).not.toContain('i-future');
  await expect(next.start('i-future')).rejects.toMatchObject({ code: 'runtime_failed' });
  expect(existsSync(folderOf('i-future'))).toBe(true);
  rmSync(folderOf('i-future'), { recursive: true });
});

test('what a power cut has torn is prepared anew, or removed', async () => {
  const spec = apps.app();
  const { id } = await started(spec);
  await runtime.stop(id, 5_000);
  for (const name of ['spec.json', 'run.json']) writeFileSync(join(folderOf(id), name), '');
  const next = open();
  expect((await next.list()).some((one) => one.instanceId === id)).toBe(false);
  await next.prepare(spec);
  expect((await next.list()).find((one) => one.instanceId === id)?.state).toBe('prepared');
  await next.start(id);
  await next.stop(id, 5_000);
  writeFileSync(join(folderOf(id), 'spec.json'), '');
  await open().remove(id);
  expect(existsSync(folderOf(id))).toBe(false);
});

test('a start that waits behind another call is not hit by the sweep of the run before', async () => {
  const spec = apps.shell('sleep 300 & sleep 300; true');
  const { id, pid } = await started(spec);
  await until(() => marked(id).length === 3);
  changeRun(id, { process: { ...runOf(id).process!, startTicks: 1 } });
  const next = open();
  const [, { address }] = await Promise.all([next.list(), next.start(id), next.list()]);
  expect(address.port).toBeGreaterThan(0);
  expect(findAlive(runOf(id).process!)).not.toBeNull();
  expect(isAlive(readProcess(pid) ?? { pid, sessionId: pid, startTicks: 0, state: 'X' })).toBe(false);
  await next.remove(id);
});

test('a name that is no folder name is no instance', async () => {
  for (const id of ['../data', '', '.', 'a/b', `${'x'.repeat(129)}`]) {
    await expect(runtime.start(id)).rejects.toMatchObject({ code: 'instance_not_found' });
    await runtime.remove(id);
    await expect(linesOf(id)).rejects.toMatchObject({ code: 'instance_not_found' });
  }
  expect(existsSync(dataDir)).toBe(true);
});

test('the bundled hello server runs by its name', async () => {
  const { id, port } = await started(apps.spec({ command: helloCommand() }));
  await until(() => answers(port));
  const text = await (await fetch(urlOf({ port }))).text();
  expect(text).toContain('shop-00003');
  expect(text).toContain(id);
});

test('followers end when it is closed', async () => {
  const { id } = await started(apps.app());
  const next = open();
  const following = Array.fromAsync(next.logs(id, { follow: true }));
  await Bun.sleep(5);
  await next.close();
  expect(await following).toEqual([]);
});

test('ends no process of its own accord when it is closed', async () => {
  const { id, pid } = await started(apps.app());
  const next = open();
  await next.list();
  await next.close();
  expect(findAlive(runOf(id).process!)).toMatchObject({ pid });
});
