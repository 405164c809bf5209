/** Scaling over a whole control plane: as many instances as the load asks for, and none of them cut. */
import { afterEach, describe, expect, test } from 'bun:test';
import { DEFAULT_SCALING, type ScalingSettings } from '../domain/project.ts';
import { Platform, projectSettings } from './rehearsal/platform.ts';

const open: Platform[] = [];

async function platform(scaling: Partial<ScalingSettings>): Promise<Platform> {
  const luma = await new Platform().open();
  open.push(luma);
  await luma.create({ scaling: { ...DEFAULT_SCALING, concurrency: 10, maxInstances: 20, ...scaling } });
  await luma.pass(100);
  return luma;
}

afterEach(async () => {
  for (const luma of open.splice(0))
    await luma.during(luma.control.close({ stopInstances: false, timeoutMs: 0 }));
});

async function running(luma: Platform): Promise<string[]> {
  const list = await luma.runtime.list();
  return list.filter(({ state }) => state === 'running').map(({ instanceId }) => instanceId);
}

/** So many exchanges at once, each begun again when it ends. */
function load(luma: Platform, atOnce: number, eachMs: number): { end(): Promise<number[]> } {
  let isOver = false;
  const statuses: number[] = [];
  const one = async (): Promise<void> => {
    while (!isOver) statuses.push((await luma.proxy.request('app', eachMs)).status);
  };
  const all = Array.from({ length: atOnce }, one);
  return {
    end: async () => {
      isOver = true;
      await luma.during(Promise.all(all));
      return statuses;
    },
  };
}

describe('a load of 50 with a concurrency of 10', () => {
  test('gets 8 instances within seconds, and one again when it is over; nobody is refused or cut', async () => {
    const luma = await platform({});
    const crowd = load(luma, 50, 200);
    await luma.pass(8_000);
    expect((await running(luma)).length).toBe(8);
    const view = await luma.control.getProject('app');
    expect(view.instances.filter(({ state }) => state === 'running')).toHaveLength(8);
    const statuses = await crowd.end();
    expect(new Set(statuses)).toEqual(new Set([200]));
    await luma.pass(30_000);
    expect(await luma.status()).toBe('idle');
    expect(await running(luma)).toEqual([]);
    // One lies prepared for the next wake, the others are gone.
    expect(await luma.runtime.list()).toHaveLength(1);
    expect(await luma.store.listInstances()).toHaveLength(1);
  });

  test('that becomes less takes instances away, which first end what runs on them', async () => {
    const luma = await platform({ minInstances: 1 });
    const crowd = load(luma, 50, 200);
    await luma.pass(8_000);
    expect((await running(luma)).length).toBe(8);
    const statuses = await crowd.end();
    // Longer than any drain timeout, and spread over the instances.
    const long = Array.from({ length: 16 }, () => luma.proxy.request('app', 200_000));
    await luma.pass(150_000);
    const left = await running(luma);
    expect(left.length).toBe(8);
    const answers = await luma.during(Promise.all(long), 100);
    expect(new Set([...statuses, ...answers.map(({ status }) => status)])).toEqual(new Set([200]));
    await luma.pass(90_000);
    expect(await running(luma)).toHaveLength(1);
  });

  test('never gets more than max_instances, and none beside the first where that is one', async () => {
    const few = await platform({ maxInstances: 3 });
    const crowd = load(few, 50, 200);
    await few.pass(10_000);
    expect(await running(few)).toHaveLength(3);
    expect(new Set(await crowd.end())).toEqual(new Set([200]));
    const one = await platform({ maxInstances: 1 });
    const other = load(one, 50, 200);
    await one.pass(10_000);
    expect(await running(one)).toHaveLength(1);
    await other.end();
  });
});

describe('min_instances', () => {
  test('are there without any request, stay, and come back when they end', async () => {
    const luma = await platform({ minInstances: 2 });
    await luma.pass(1_000);
    expect(await running(luma)).toHaveLength(2);
    await luma.pass(120_000);
    expect(await running(luma)).toHaveLength(2);
    const [first = ''] = await running(luma);
    luma.runtime.script.exit(first);
    await luma.pass(5_000);
    expect(await running(luma)).toHaveLength(2);
    await expect(luma.control.sleep('app')).rejects.toMatchObject({ code: 'project_kept_awake' });
  });

  test('can be asked for and given up while it runs', async () => {
    const luma = await platform({});
    const scaling = { ...DEFAULT_SCALING, minInstances: 3 };
    await luma.during(luma.control.replaceProject(projectSettings({ scaling })));
    await luma.pass(1_000);
    expect(await running(luma)).toHaveLength(3);
    await luma.during(luma.control.replaceProject(projectSettings({ scaling: DEFAULT_SCALING })));
    await luma.pass(100_000);
    expect(await luma.status()).toBe('idle');
    expect(await running(luma)).toEqual([]);
  });
});

describe('several instances', () => {
  test('go on when the first of them ends, and another takes its place', async () => {
    const luma = await platform({ minInstances: 3 });
    await luma.pass(1_000);
    const [first = ''] = await running(luma);
    luma.runtime.script.exit(first);
    const answers = await luma.during(
      Promise.all(Array.from({ length: 9 }, () => luma.proxy.request('app', 50))),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(6);
    await luma.pass(3_000);
    expect(await luma.status()).toBe('running');
    expect(await running(luma)).toHaveLength(3);
    expect((await luma.control.getProject('app')).status.failure).toBeNull();
  });

  test('are all found again by the next control plane', async () => {
    const first = await platform({ minInstances: 3 });
    await first.pass(1_000);
    const before = (await running(first)).sort();
    const second = await (await first.successor()).open();
    open.push(second);
    await second.pass(5_000);
    expect((await running(second)).sort()).toEqual(before);
    expect(second.runtime.script.countOf('start')).toBe(3);
  });

  test('are replaced by as many of the next revision before any of them goes', async () => {
    const luma = await platform({ minInstances: 3 });
    await luma.pass(1_000);
    const crowd = load(luma, 20, 100);
    const scaling = { ...DEFAULT_SCALING, concurrency: 10, maxInstances: 20, minInstances: 3 };
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:2', scaling })));
    await luma.pass(6_000);
    expect(new Set(await crowd.end())).toEqual(new Set([200]));
    const list = (await luma.runtime.list()).filter(({ state }) => state === 'running');
    expect(list.map(({ revision }) => revision)).toEqual([2, 2, 2]);
  });

  test('stay with the old revision when the new one cannot have as many', async () => {
    const luma = await platform({ minInstances: 3 });
    await luma.pass(1_000);
    luma.runtime.script.behave('app', { bootMs: 300 });
    const scaling = { ...DEFAULT_SCALING, concurrency: 10, maxInstances: 20, minInstances: 3 };
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:2', scaling })));
    await luma.pass(200);
    // Its first instance runs and is about to answer; the next ones will not start.
    luma.runtime.script.behave('app', { exitDuringStart: { code: 1 } });
    await luma.pass(10_000);
    const view = await luma.control.getProject('app');
    expect(view.switchFailure).toMatchObject({ code: 'instance_exited' });
    expect(view.traffic).toMatchObject([
      { revision: 2, percent: 0, wanted: 100 },
      { revision: 1, percent: 100, wanted: 0 },
    ]);
    const list = (await luma.runtime.list()).filter(({ state }) => state === 'running');
    expect(list.map(({ revision }) => revision)).toEqual([1, 1, 1]);
  });

  test('are all stopped by a person, and by the end of luma up', async () => {
    const luma = await platform({ minInstances: 3 });
    await luma.pass(1_000);
    await luma.during(luma.control.stop('app'));
    expect(await running(luma)).toEqual([]);
    await luma.during(luma.control.start('app'));
    await luma.pass(3_000);
    expect(await running(luma)).toHaveLength(3);
    await luma.during(luma.control.close({ stopInstances: true, timeoutMs: 10_000 }));
    expect(await running(luma)).toEqual([]);
  });
});

test('a further instance that does not start is tried again more and more rarely, and the others go on', async () => {
  const luma = await platform({});
  await luma.during(luma.proxy.request('app'));
  luma.runtime.script.behave('app', { exitDuringStart: { code: 1 } });
  const crowd = load(luma, 30, 200);
  await luma.pass(20_000);
  expect(await luma.status()).toBe('running');
  expect(luma.kinds().filter((kind) => kind === 'scale_failed').length).toBeGreaterThan(2);
  expect(luma.runtime.script.countOf('start')).toBeLessThan(30);
  expect(new Set(await crowd.end())).toEqual(new Set([200]));
});
