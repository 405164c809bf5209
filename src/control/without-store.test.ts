import { expect, test } from 'bun:test';
import { DEFAULT_SCALING } from '../domain/project.ts';
import { Platform, projectSettings } from './rehearsal/platform.ts';

const minuteMs = 60_000;

async function withoutStore(): Promise<Platform> {
  const platform = await new Platform().open();
  await platform.create({ idleTimeoutMs: 1_000 });
  await platform.during(platform.control.wake('app'));
  platform.storeFailsUntilMs = platform.clock.monotonic() + minuteMs;
  return platform;
}

test('without its store a project sleeps and wakes, and all of it is told when the store is back', async () => {
  const platform = await withoutStore();
  await platform.pass(3_000);
  expect(await platform.status()).toBe('idle');
  await platform.during(platform.control.wake('app'));
  expect(await platform.status()).toBe('running');
  await platform.pass(3_000);
  expect(await platform.status()).toBe('idle');
  expect((await platform.control.health()).store).toBe('behind');
  expect(platform.kinds().filter((kind) => kind === 'slept')).toEqual([]);
  await platform.pass(2 * minuteMs);
  expect((await platform.control.health()).store).toBe('ok');
  const told = platform.kinds().filter((kind) => kind === 'slept' || kind === 'woken');
  expect(told).toEqual(['woken', 'slept', 'woken', 'slept']);
  // Its next life does not wait for anything.
  const next = await (await platform.successor()).open();
  await next.during(next.control.wake('app'));
  expect(await next.status()).toBe('running');
});

test('without its store a change is refused, and nothing is told of it', async () => {
  const platform = await withoutStore();
  const before = await platform.control.getProject('app');
  const refused = async (change: Promise<unknown>): Promise<void> => {
    await expect(platform.during(change)).rejects.toMatchObject({ code: 'store_unavailable' });
  };
  await refused(platform.control.createProject(projectSettings({ name: 'other' })));
  await refused(platform.control.replaceProject({ ...before.project.settings, image: 'app:2' }));
  await refused(platform.control.stop('app'));
  await refused(platform.control.deleteProject('app'));
  expect(await platform.control.getProject('app')).toEqual(before);
  expect((await platform.control.listProjects()).length).toBe(1);
  const count = platform.events.length;
  await platform.pass(2 * minuteMs);
  const later = platform.kinds().slice(count);
  for (const kind of ['created', 'updated', 'stopped', 'deleted']) expect(later).not.toContain(kind);
  await platform.during(platform.control.deleteProject('app'));
  expect(platform.kinds()).toContain('deleted');
  expect(await platform.store.listEvents('app')).toEqual([]);
});

test('without its store a deploy waits: the old revision serves and sleeps and wakes, and nothing is told of a failure', async () => {
  for (const awake of [true, false]) {
    const platform = await new Platform().open();
    await platform.create({ idleTimeoutMs: awake ? null : 1_000 });
    await platform.during(platform.control.wake('app'));
    if (!awake) await platform.pass(3_000);
    expect(await platform.status()).toBe(awake ? 'running' : 'idle');
    const { project } = await platform.control.getProject('app');
    const deployed = platform.control.replaceProject({ ...project.settings, image: 'app:2' });
    // The change is on disk, and the next write is refused.
    platform.storeFailsAfterWrites = 1;
    await platform.during(deployed);
    await platform.pass(minuteMs);
    for (let turn = 0; turn < 2; turn++) {
      expect((await platform.during(platform.proxy.request('app'))).status).toBe(200);
      await platform.pass(5_000);
    }
    const waiting = await platform.control.getProject('app');
    expect(waiting.switchFailure).toBeNull();
    expect(waiting.traffic[0]?.status.name).toBe(awake ? 'running' : 'idle');
    expect(waiting.instances.map(({ revision, state }) => `${revision} ${state}`)).toEqual([
      awake ? '1 running' : '1 prepared',
      '2 preparing',
    ]);
    expect((await platform.control.health()).store).toBe('behind');
    platform.storeFailsAfterWrites = null;
    await platform.pass(30_000);
    expect((await platform.runtime.list()).map(({ revision }) => revision)).toEqual([2]);
    expect(await platform.store.listInstances()).toMatchObject([{ revision: 2 }]);
    expect(platform.kinds()).toContain('switched');
    expect(platform.kinds()).not.toContain('switch_failed');
    expect((await platform.control.health()).store).toBe('ok');
  }
});

test('without its store a pull goes on, and its revision serves when what was pulled is on disk', async () => {
  const platform = await new Platform().open();
  await platform.create({ idleTimeoutMs: null });
  await platform.during(platform.control.wake('app'));
  platform.runtime.script.behave('app', { prepareMs: 20_000 });
  const { project } = await platform.control.getProject('app');
  await platform.during(platform.control.replaceProject({ ...project.settings, image: 'app:2' }));
  await platform.pass(5_000);
  platform.storeFailsUntilMs = platform.clock.monotonic() + minuteMs;
  await platform.pass(30_000);
  expect((await platform.during(platform.proxy.request('app'))).status).toBe(200);
  expect((await platform.runtime.list()).filter(({ state }) => state === 'running')).toMatchObject([
    { revision: 1 },
  ]);
  await platform.pass(minuteMs);
  expect(platform.kinds()).toContain('switched');
  expect(platform.kinds()).not.toContain('switch_failed');
  const [newest] = await platform.control.revisions('app');
  expect(newest).toMatchObject({ percent: 100, revision: { number: 2, pinnedImage: 'app:2@fake:1' } });
});

test('without its store a project gets no further instances, and those it waited for when it is back', async () => {
  const platform = await new Platform().open();
  const scaling = { ...DEFAULT_SCALING, concurrency: 1, maxInstances: 4 };
  await platform.create({ idleTimeoutMs: null, scaling });
  await platform.during(platform.control.wake('app'));
  platform.storeFailsUntilMs = platform.clock.monotonic() + 30_000;
  const load = Promise.all([1, 2, 3, 4].map(() => platform.proxy.request('app', 3 * minuteMs)));
  await platform.pass(25_000);
  const states = async (): Promise<string[]> =>
    (await platform.control.getProject('app')).instances.map(({ state }) => state);
  expect(await states()).toEqual(['running', 'preparing', 'preparing', 'preparing']);
  await platform.pass(20_000);
  expect(await states()).toEqual(['running', 'running', 'running', 'running']);
  expect(platform.kinds()).not.toContain('scale_failed');
  expect((await platform.during(load)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

test('without its store an instance that is not needed after all is forgotten, and owes nothing', async () => {
  const platform = await new Platform().open();
  await platform.create({ idleTimeoutMs: null });
  await platform.during(platform.control.wake('app'));
  const { project } = await platform.control.getProject('app');
  const deployed = platform.control.replaceProject({ ...project.settings, image: 'app:2' });
  platform.storeFailsAfterWrites = 1;
  await platform.during(deployed);
  await platform.pass(minuteMs);
  platform.storeFailsAfterWrites = null;
  // Back before it is asked again: the deploy is taken back, and its instance never was.
  await platform.during(platform.control.rollback('app', { revision: 1 }));
  await platform.pass(minuteMs);
  expect(await platform.runtime.list()).toMatchObject([{ revision: 1, state: 'running' }]);
  expect(await platform.store.listInstances()).toMatchObject([{ revision: 1, intent: 'live' }]);
  expect((await platform.control.health()).store).toBe('ok');
});
