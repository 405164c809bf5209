/** Splits over a whole control plane: each revision with instances of its own, that come and go by themselves. */
import { afterEach, describe, expect, test } from 'bun:test';
import type { ProjectSettings } from '../../domain/project.ts';
import type { TrafficWish } from '../../domain/traffic.ts';
import { Platform, projectSettings } from '../rehearsal/platform.ts';

const open: Platform[] = [];

/** A project with two revisions; the second serves. */
async function platform(settings: Partial<ProjectSettings> = {}): Promise<Platform> {
  const luma = await new Platform().open();
  open.push(luma);
  await luma.create(settings);
  await luma.pass(100);
  await deploy(luma, 'app:2', {}, settings);
  await luma.pass(30_000);
  return luma;
}

afterEach(async () => {
  for (const luma of open.splice(0))
    await luma.during(luma.control.close({ stopInstances: false, timeoutMs: 0 }));
});

async function deploy(
  luma: Platform,
  image: string,
  options: object = {},
  settings: Partial<ProjectSettings> = {},
): Promise<void> {
  await luma.during(luma.control.replaceProject(projectSettings({ ...settings, image }), options));
  await luma.pass(2_000);
}

async function split(luma: Platform, wishes: readonly TrafficWish[], verify = true): Promise<void> {
  await luma.during(luma.control.splitTraffic('app', wishes, { verify }));
  await luma.pass(2_000);
}

const to = (revision: number | 'latest', percent: number, tag: string | null = null): TrafficWish => ({
  ...{ revision, percent, tag },
});

/** Revision, percentage now, percentage wanted. */
async function shares(luma: Platform): Promise<number[][]> {
  const { traffic } = await luma.control.getProject('app');
  return traffic.map(({ revision, percent, wanted }) => [revision, percent, wanted]);
}

async function running(luma: Platform): Promise<number[]> {
  const list = await luma.runtime.list();
  return list.filter(({ state }) => state === 'running').map(({ revision }) => revision);
}

const laneSplit = (luma: Platform) => luma.proxy.services.get('app')?.spec.laneSplit ?? null;

describe('a split', () => {
  test('is in force when its revision has shown that it answers', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { bootMs: 5_000 });
    await luma.during(luma.control.splitTraffic('app', [to(2, 80), to(1, 20)]));
    await luma.pass(1_000);
    expect(await shares(luma)).toEqual([
      [2, 100, 80],
      [1, 0, 20],
    ]);
    expect(laneSplit(luma)).toBeNull();
    await luma.pass(6_000);
    expect(await shares(luma)).toEqual([
      [2, 80, 80],
      [1, 20, 20],
    ]);
    expect(laneSplit(luma)).toEqual({
      lanes: [{ service: 'app.r1', percent: 20, hosts: [] }],
      ...{ stickyCookie: null, ownHosts: [] },
    });
    expect(luma.kinds()).toContain('traffic_changed');
  });

  test('that is not to be verified is in force at once, and wakes nobody', async () => {
    const luma = await platform();
    await split(luma, [to(2, 80), to(1, 20)], false);
    expect(await shares(luma)).toEqual([
      [2, 80, 80],
      [1, 20, 20],
    ]);
    expect(await running(luma)).toEqual([]);
  });

  test('lets each of its revisions wake and sleep for itself', async () => {
    const luma = await platform();
    await split(luma, [to(2, 80), to(1, 20)]);
    await luma.pass(30_000);
    expect(await luma.status()).toBe('idle');
    expect(await running(luma)).toEqual([]);
    expect((await luma.during(luma.proxy.request('app.r1'))).status).toBe(200);
    expect(await running(luma)).toEqual([1]);
    expect(await luma.status()).toBe('running');
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect((await running(luma)).toSorted()).toEqual([1, 2]);
    for (let each = 0; each < 3; each++) {
      await luma.pass(15_000);
      await luma.during(luma.proxy.request('app'));
    }
    expect(await running(luma)).toEqual([2]);
  });

  test('of a revision that does not start leaves its share to the others, and says why', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { exitDuringStart: { code: 3 } });
    await split(luma, [to(2, 80), to(1, 20)]);
    luma.runtime.script.behave('app', {});
    const view = await luma.control.getProject('app');
    expect(view.switchFailure).toMatchObject({ code: 'instance_exited' });
    expect(await shares(luma)).toEqual([
      [2, 100, 80],
      [1, 0, 20],
    ]);
    expect(luma.kinds()).toContain('switch_failed');
    await luma.during(luma.control.wake('app'));
    await luma.pass(1_000);
    expect(await shares(luma)).toEqual([
      [2, 80, 80],
      [1, 20, 20],
    ]);
  });

  test('that gives everything to a lane lets it serve until the project’s own service does', async () => {
    const luma = await platform();
    await split(luma, [to(2, 80), to(1, 20)]);
    luma.runtime.script.behave('app', { bootMs: 3_000 });
    await luma.during(luma.control.splitTraffic('app', [to(1, 100)]));
    await luma.pass(1_000);
    expect(await shares(luma)).toEqual([
      [1, 20, 100],
      [2, 80, 0],
    ]);
    await luma.pass(10_000);
    expect(await shares(luma)).toEqual([[1, 100, 100]]);
    expect(await running(luma)).toEqual([1]);
    expect([...luma.proxy.services.keys()]).toEqual(['app']);
    expect(laneSplit(luma)).toBeNull();
  });

  test('keeps an exchange of a lane that goes until it has ended', async () => {
    const luma = await platform();
    await split(luma, [to(2, 80), to(1, 20)]);
    const long = luma.proxy.request('app.r1', 10_000);
    await luma.pass(100);
    await split(luma, [to(2, 100)]);
    expect(luma.proxy.services.has('app.r1')).toBe(false);
    expect((await luma.during(long)).status).toBe(200);
    await luma.pass(3_000);
    const left = await luma.runtime.list();
    expect(left.map(({ revision }) => revision)).toEqual([2]);
  });

  test('that wants a lane again while it goes gets it when it is gone', async () => {
    const luma = await platform();
    await split(luma, [to(2, 80), to(1, 20)]);
    const long = luma.proxy.request('app.r1', 10_000);
    await luma.pass(100);
    await split(luma, [to(2, 100)]);
    await split(luma, [to(2, 50), to(1, 50)], false);
    expect((await luma.during(long)).status).toBe(200);
    await luma.pass(5_000);
    expect(await shares(luma)).toEqual([
      [2, 50, 50],
      [1, 50, 50],
    ]);
  });

  test('gives each revision its part of the instances that are always there', async () => {
    const scaling = { ...projectSettings().scaling, minInstances: 2, maxInstances: 5 };
    const luma = await platform({ scaling });
    await split(luma, [to(2, 90), to(1, 10)]);
    await luma.pass(60_000);
    expect((await running(luma)).toSorted()).toEqual([1, 2, 2]);
  });

  test('is stopped, started and deleted whole', async () => {
    const luma = await platform();
    await split(luma, [to(2, 80), to(1, 20)]);
    await luma.during(luma.control.stop('app'));
    expect(await luma.status()).toBe('stopped');
    expect(await running(luma)).toEqual([]);
    expect((await luma.during(luma.proxy.request('app.r1'))).status).toBe(503);
    await luma.during(luma.control.start('app'));
    expect((await luma.during(luma.proxy.request('app.r1'))).status).toBe(200);
    expect((await luma.control.listProjects()).length).toBe(1);
    expect((await luma.control.health()).projects).toBe(1);
    await luma.during(luma.control.deleteProject('app'));
    expect(await luma.runtime.list()).toEqual([]);
    expect(luma.proxy.services.size).toBe(0);
  });

  test('keeps clients with their revision where the project says so', async () => {
    const luma = await platform({ stickyTraffic: true });
    await split(luma, [to(2, 80), to(1, 20)]);
    expect(laneSplit(luma)?.stickyCookie).toBe('luma_traffic');
  });

  test('refuses revisions that are not there, by their fields, and changes nothing', async () => {
    const luma = await platform();
    await expect(luma.control.splitTraffic('app', [to(2, 80), to(9, 20)])).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ field: 'traffic.1.revision', code: 'revision_not_found' }],
    });
    expect(await shares(luma)).toEqual([[2, 100, 100]]);
  });
});

describe('a tag', () => {
  test('has hosts of its own, wakes its revision, and costs nothing while that sleeps', async () => {
    const luma = await platform();
    await split(luma, [to(2, 100), to(1, 0, 'old')]);
    expect(await running(luma)).toEqual([]);
    expect(luma.proxy.services.get('app')?.spec.hosts).toEqual(['app.localhost', 'old---app.localhost']);
    expect(laneSplit(luma)?.lanes).toEqual([
      { service: 'app.r1', percent: 0, hosts: ['old---app.localhost'] },
    ]);
    expect((await luma.during(luma.proxy.request('app.r1'))).status).toBe(200);
    expect(await running(luma)).toEqual([1]);
    await luma.pass(30_000);
    expect(await running(luma)).toEqual([]);
    const { traffic } = await luma.control.getProject('app');
    expect(traffic[1]).toMatchObject({ tag: 'old', hosts: ['old---app.localhost'], percent: 0 });
  });

  test('of the revision that leads is served by the project’s own service', async () => {
    const luma = await platform();
    await split(luma, [to('latest', 100), to(2, 0, 'live')]);
    expect(luma.proxy.services.get('app')?.spec.hosts).toContain('live---app.localhost');
    expect([...luma.proxy.services.keys()]).toEqual(['app']);
  });

  test('is refused where its host is somebody else’s', async () => {
    const luma = await platform();
    await luma.create({ name: 'other', hostnames: ['old---app.localhost'] });
    const refused = luma.during(luma.control.splitTraffic('app', [to(2, 100), to(1, 0, 'old')]));
    await expect(refused).rejects.toMatchObject({ code: 'hostname_taken', details: { owner: 'other' } });
    luma.proxy.takenHosts.set('new---app.localhost', 'a service of somebody');
    const taken = luma.during(luma.control.splitTraffic('app', [to(2, 100), to(1, 0, 'new')]));
    await expect(taken).rejects.toMatchObject({ code: 'hostname_taken' });
    expect(await shares(luma)).toEqual([[2, 100, 100]]);
    expect(luma.proxy.services.get('app')?.spec.hosts).toEqual(['app.localhost']);
  });

  test('keeps its revision from being forgotten', async () => {
    const luma = await platform();
    await split(luma, [to('latest', 100), to(1, 0, 'old')]);
    for (let image = 3; image < 15; image++) await deploy(luma, `app:${image}`, { verify: false });
    const numbers = (await luma.control.revisions('app')).map(({ revision }) => revision.number);
    expect(numbers).toContain(1);
    expect(numbers).not.toContain(2);
    expect((await luma.during(luma.proxy.request('app.r1'))).status).toBe(200);
  });
});

describe('a deploy', () => {
  test('without traffic leaves the requests where they go, and its tag reaches it', async () => {
    const luma = await platform();
    await deploy(luma, 'app:3', { noTraffic: true, tag: 'next' });
    expect(await shares(luma)).toEqual([
      [2, 100, 100],
      [3, 0, 0],
    ]);
    expect(await running(luma)).toEqual([3]);
    const view = await luma.control.getProject('app');
    expect(view.project).toMatchObject({ revision: 3, settings: { image: 'app:3' } });
    await luma.during(luma.proxy.request('app'));
    expect((await running(luma)).toSorted()).toEqual([2, 3]);
    await split(luma, [to('latest', 100)]);
    await luma.pass(1_000);
    expect(await shares(luma)).toEqual([[3, 100, 100]]);
    await deploy(luma, 'app:4');
    expect(await shares(luma)).toEqual([[4, 100, 100]]);
  });

  test('without traffic and without a tag is seen to start, has its image pinned, and leaves nothing', async () => {
    const luma = await platform();
    await deploy(luma, 'app:3', { noTraffic: true });
    await luma.pass(2_000);
    expect((await luma.control.revisions('app'))[0]?.revision).toMatchObject({
      number: 3,
      pinnedImage: expect.any(String),
    });
    expect((await luma.runtime.list()).map(({ revision }) => revision)).toEqual([2]);
    expect([...luma.proxy.services.keys()]).toEqual(['app']);
  });

  test('without traffic of what does not start says so, and the others go on', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { exitDuringStart: { code: 3 } });
    await deploy(luma, 'app:3', { noTraffic: true, tag: 'next' });
    luma.runtime.script.behave('app', {});
    expect((await luma.control.getProject('app')).switchFailure).toMatchObject({ code: 'instance_exited' });
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(await running(luma)).toEqual([2]);
  });

  test('takes the share that followed the latest, and leaves a split between numbers', async () => {
    const luma = await platform();
    await split(luma, [to('latest', 50), to(1, 50)]);
    await deploy(luma, 'app:3');
    await luma.pass(2_000);
    expect((await shares(luma)).toSorted()).toEqual([
      [1, 50, 50],
      [3, 50, 50],
    ]);
    await split(luma, [to(3, 50), to(1, 50)]);
    await deploy(luma, 'app:4');
    expect((await shares(luma)).toSorted()).toEqual([
      [1, 50, 50],
      [3, 50, 50],
    ]);
  });

  test('goes on with the settings of the revision that leads, where that is an earlier one', async () => {
    const scaling = { ...projectSettings().scaling, minInstances: 1, maxInstances: 3 };
    const luma = await platform({ scaling });
    await split(luma, [to(1, 100)]);
    await luma.pass(1_000);
    const more = { ...scaling, minInstances: 2 };
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:2', scaling: more })));
    await luma.pass(2_000);
    const ids = (await luma.runtime.list()).filter(({ state }) => state === 'running');
    expect(ids).toHaveLength(2);
    for (const { instanceId } of ids)
      expect(luma.runtime.engine.find('fake', instanceId)?.spec.settings.image).toBe('app:1');
  });
});

test('a rollback gives everything to its revision, and leaves tags', async () => {
  const luma = await platform();
  await deploy(luma, 'app:3');
  await split(luma, [to(3, 80), to(2, 20, 'old')]);
  await luma.during(luma.control.rollback('app', { revision: 1 }));
  await luma.pass(5_000);
  expect(await shares(luma)).toEqual([
    [1, 100, 100],
    [2, 0, 0],
  ]);
  await deploy(luma, 'app:4');
  expect((await shares(luma))[0]).toEqual([4, 100, 100]);
});

describe('the next control plane', () => {
  test('goes on with the split as it was, and with who runs', async () => {
    const first = await platform();
    await split(first, [to(2, 80), to(1, 20)]);
    await first.during(first.proxy.request('app.r1'));
    const before = (await first.runtime.list()).map(({ instanceId }) => instanceId).toSorted();
    const second = await (await first.successor()).open();
    open.push(second);
    await second.pass(1_000);
    expect(await shares(second)).toEqual([
      [2, 80, 80],
      [1, 20, 20],
    ]);
    expect((await second.runtime.list()).map(({ instanceId }) => instanceId).toSorted()).toEqual(before);
    expect((await second.during(second.proxy.request('app.r1'))).status).toBe(200);
    await second.pass(40_000);
    expect(await running(second)).toEqual([]);
    expect((await second.during(second.proxy.request('app.r1'))).status).toBe(200);
    expect(await running(second)).toEqual([1]);
  });

  test('tries what had not answered yet', async () => {
    const first = await platform();
    first.runtime.script.behave('app', { bootMs: 5_000 });
    await first.during(first.control.splitTraffic('app', [to(2, 80), to(1, 20)]));
    await first.pass(500);
    const second = await (await first.successor()).open();
    open.push(second);
    expect(await shares(second)).toEqual([
      [2, 100, 80],
      [1, 0, 20],
    ]);
    await second.pass(10_000);
    expect(await shares(second)).toEqual([
      [2, 80, 80],
      [1, 20, 20],
    ]);
  });

  test('finishes what went when the last one ended, with the exchanges that ran there', async () => {
    const first = await platform();
    await split(first, [to(2, 80), to(1, 20)]);
    const long = first.proxy.request('app.r1', 10_000);
    await first.pass(100);
    await split(first, [to(2, 100)]);
    const second = await (await first.successor()).open();
    open.push(second);
    await second.pass(1_000);
    expect(await shares(second)).toEqual([[2, 100, 100]]);
    expect((await second.during(long)).status).toBe(200);
    await second.pass(5_000);
    expect((await second.runtime.list()).map(({ revision }) => revision)).toEqual([2]);
  });
});
