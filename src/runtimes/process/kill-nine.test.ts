/** What is left when Luma itself dies by kill -9, and what the next one makes of it. */
import { afterAll, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { InstanceSpec, Runtime, RuntimeEvent } from '../contract.ts';
import { createProcessRuntime } from './index.ts';
import { environmentOf, findAlive, isAlive, listProcesses } from './process-table.ts';
import { TestApps, testKey } from './test-apps.ts';

const apps = new TestApps();
const dataDir = join(apps.folder, 'data');
const runtimes: Runtime[] = [];

afterAll(async () => {
  for (const runtime of runtimes) await runtime.close();
  apps.remove();
});

function open(): Runtime {
  const runtime = createProcessRuntime({
    installationId: 'killed',
    dataDir,
    instanceKey: testKey,
    clock: systemClock,
    log: silentLog,
  });
  runtimes.push(runtime);
  return runtime;
}

/** A program that owns a runtime, does `deeds` with `runtime` and `spec`, and says `done` on stdout. */
function owner(spec: InstanceSpec, deeds: string): Bun.Subprocess<'ignore', 'pipe', 'inherit'> {
  const script = join(apps.folder, `owner-${spec.instanceId}.ts`);
  writeFileSync(
    script,
    `import { createProcessRuntime } from ${JSON.stringify(join(import.meta.dir, 'index.ts'))};
     import { systemClock } from ${JSON.stringify(join(import.meta.dir, '../../base/clock.ts'))};
     import { silentLog } from ${JSON.stringify(join(import.meta.dir, '../../base/log.ts'))};
     import { testKey } from ${JSON.stringify(join(import.meta.dir, 'test-apps.ts'))};
     const spec = ${JSON.stringify(spec)};
     const id = spec.instanceId;
     const dataDir = ${JSON.stringify(dataDir)};
     const runtime = createProcessRuntime({ installationId: 'killed', dataDir, instanceKey: testKey, clock: systemClock, log: silentLog });
     ${deeds}
     await new Promise((resolve) => setTimeout(resolve, 60_000));`,
  );
  return Bun.spawn({ cmd: [process.execPath, script], stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' });
}

async function killed(child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>): Promise<void> {
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe('done\n');
  child.kill('SIGKILL');
  await child.exited;
}

async function until<T>(what: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await what();
    if (value !== undefined && value !== false) return value;
    await Bun.sleep(2);
  }
}

const answers = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    (response) => response.ok,
    () => false,
  );
const marked = (id: string): number =>
  listProcesses().filter((one) => isAlive(one) && environmentOf(one.pid)?.get('LUMA_INSTANCE_ID') === id)
    .length;

test('an instance survives, is adopted with its output, heard and stopped', async () => {
  const spec = apps.app('--print=stdout:before');
  await killed(owner(spec, "await runtime.prepare(spec); await runtime.start(id); console.log('done');"));
  const runtime = open();
  const [one] = await runtime.list();
  expect(one).toMatchObject({ instanceId: spec.instanceId, state: 'running' });
  await until(() => answers(one!.address!.port));
  expect((await runtime.start(spec.instanceId)).address).toEqual(one!.address!);
  const lines = await Array.fromAsync(runtime.logs(spec.instanceId));
  expect(lines.map((line) => line.text)).toContain('before');

  const events: RuntimeEvent[] = [];
  runtime.watch((event) => events.push(event));
  const exit = await runtime.stop(spec.instanceId, 5_000);
  expect(exit).toMatchObject({ code: null, signal: null });
  expect(events.map((event) => event.kind)).toEqual(['exited']);
  const again = await runtime.start(spec.instanceId);
  await until(() => answers(again.address.port));
  await runtime.remove(spec.instanceId);
  expect(marked(spec.instanceId)).toBe(0);
});

test('output that was written while no Luma ran is there, with its time', async () => {
  const spec = apps.shell('');
  const deeds = `const script = 'while [ -e /proc/' + process.pid + ' ]; do sleep 0.01; done; echo alone; exec sleep 60';
    const settings = { ...spec.settings, command: ['/bin/sh', '-c', script] };
    await runtime.prepare({ ...spec, settings });
    await runtime.start(id);
    console.log('done');`;
  await killed(owner(spec, deeds));
  const killedAt = Date.now();
  const runtime = open();
  const line = await until(async () => {
    const lines = await Array.fromAsync(runtime.logs(spec.instanceId));
    return lines.find(({ text }) => text === 'alone');
  });
  expect(Math.abs(line.at - killedAt)).toBeLessThan(5_000);
  await runtime.remove(spec.instanceId);
});

test('a stop that was under way is finished by the next stop', async () => {
  const spec = apps.app('--deaf', '--child');
  const deeds = `await runtime.prepare(spec);
    const { address } = await runtime.start(id);
    for (;;) { try { await fetch('http://127.0.0.1:' + address.port); break; } catch { await Bun.sleep(2); } }
    void runtime.stop(id, 60_000);
    await Bun.sleep(20);
    console.log('done');`;
  await killed(owner(spec, deeds));
  const runtime = open();
  expect((await runtime.list()).find((one) => one.instanceId === spec.instanceId)?.state).toBe('running');
  expect(await runtime.stop(spec.instanceId, 50)).toMatchObject({ signal: 'SIGKILL' });
  expect(marked(spec.instanceId)).toBe(0);
  await runtime.remove(spec.instanceId);
});

test('a frozen instance is adopted frozen, and thaws', async () => {
  const spec = apps.app();
  const deeds = `await runtime.prepare(spec); await runtime.start(id); await runtime.freeze(id); console.log('done');`;
  await killed(owner(spec, deeds));
  const runtime = open();
  const one = (await runtime.list()).find((each) => each.instanceId === spec.instanceId);
  expect(one?.state).toBe('frozen');
  const { address } = await runtime.thaw(spec.instanceId);
  await until(() => answers(address.port));
  await runtime.remove(spec.instanceId);
});

test('children of an instance that ended while no Luma ran are swept away', async () => {
  const spec = apps.shell('sleep 300 & sleep 0.2');
  await killed(owner(spec, "await runtime.prepare(spec); await runtime.start(id); console.log('done');"));
  const record = join(dataDir, 'instances', spec.instanceId, 'run.json');
  const { process: leader } = JSON.parse(readFileSync(record, 'utf8')).run;
  await until(async () => findAlive(leader) === null);
  expect(marked(spec.instanceId)).toBe(1);
  const runtime = open();
  const one = (await runtime.list()).find((each) => each.instanceId === spec.instanceId);
  expect(one).toMatchObject({ state: 'exited', exit: { code: null } });
  await runtime.remove(spec.instanceId);
  expect(marked(spec.instanceId)).toBe(0);
});

test('killed at any moment of starts and stops, it leaves nothing that the next one does not know', async () => {
  const runtime = open();
  for (let round = 0; round < 12; round++) {
    const spec = apps.app('--child');
    const deeds = `console.log('done');
      await runtime.prepare(spec);
      for (;;) { await runtime.start(id); await runtime.stop(id, 1_000); }`;
    const child = owner(spec, deeds);
    await child.stdout.getReader().read();
    await Bun.sleep(round * 7);
    child.kill('SIGKILL');
    await child.exited;
    const observed = (await runtime.list()).find((one) => one.instanceId === spec.instanceId);
    const alive = marked(spec.instanceId);
    if (alive > 0) expect(observed).toBeDefined();
    await runtime.remove(spec.instanceId);
    expect(marked(spec.instanceId)).toBe(0);
    expect((await runtime.list()).some((one) => one.instanceId === spec.instanceId)).toBe(false);
  }
}, 30_000);
