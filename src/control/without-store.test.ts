import { expect, test } from 'bun:test';
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
