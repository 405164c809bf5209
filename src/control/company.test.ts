import { describe, expect, test } from 'bun:test';
import { DEFAULT_KEEPING, type Dependency, type KeepingSettings } from '../domain/keeping.ts';
import { Platform, projectSettings } from './rehearsal/platform.ts';

const ENGINE = { startMs: 100, bootMs: 50, stopMs: 40 };

async function platform(): Promise<Platform> {
  const luma = await new Platform().open();
  luma.runtime.script.behave('*', ENGINE);
  return luma;
}

const on = (...dependsOn: (string | Dependency)[]): KeepingSettings => ({
  ...DEFAULT_KEEPING,
  dependsOn: dependsOn.map((each) =>
    typeof each === 'string' ? { project: each, condition: 'ready' as const } : each,
  ),
});
const inGroup = (group: string): KeepingSettings => ({ ...DEFAULT_KEEPING, group });

async function statuses(luma: Platform, ...names: string[]): Promise<string[]> {
  return Promise.all(names.map((name) => luma.status(name)));
}

/** In the order the engine was asked. */
function startsOf(luma: Platform): string[] {
  return luma.events.filter(({ kind }) => kind === 'starting').map(({ project }) => project);
}

describe('a wake of one that depends on others', () => {
  test('starts them first, each after its own, and holds the request for all', async () => {
    const luma = await platform();
    await luma.create({ name: 'disk' });
    await luma.create({ name: 'db', keeping: on('disk') });
    await luma.create({ name: 'cache' });
    await luma.create({ name: 'shop', keeping: on('db', 'cache') });
    await luma.pass(50);
    const answer = await luma.during(luma.proxy.request('shop'));
    expect(answer.status).toBe(200);
    await luma.pass(10);
    expect(startsOf(luma).slice(0, 2).sort()).toEqual(['cache', 'disk']);
    expect(startsOf(luma).slice(2)).toEqual(['db', 'shop']);
    expect(await statuses(luma, 'disk', 'db', 'cache', 'shop')).toEqual(Array(4).fill('running'));
    // Three in a row; cache beside them.
    expect(luma.clock.monotonic()).toBeLessThan(1_200);
  });

  test('waits for an answer where they have to be ready, for the start alone where that is enough', async () => {
    const luma = await platform();
    luma.runtime.script.behave('db', { ...ENGINE, bootMs: 5_000 });
    await luma.create({ name: 'db' });
    await luma.create({ name: 'fast', keeping: on({ project: 'db', condition: 'started' }) });
    await luma.create({ name: 'sure', keeping: on('db') });
    await luma.pass(50);
    const sure = luma.proxy.request('sure');
    const beganMs = luma.clock.monotonic();
    expect((await luma.during(luma.proxy.request('fast'))).status).toBe(200);
    expect(luma.clock.monotonic() - beganMs).toBeLessThan(1_000);
    expect((await luma.control.getProject('sure')).waitsFor).toEqual(['db']);
    expect(await luma.status('sure')).toBe('starting');
    expect((await luma.during(sure)).status).toBe(200);
    expect(luma.clock.monotonic() - beganMs).toBeGreaterThan(5_000);
  });

  test('fails with the reason of the one that does not start, and works when that does', async () => {
    const luma = await platform();
    await luma.create({ name: 'db' });
    await luma.create({ name: 'shop', keeping: on('db') });
    await luma.pass(50);
    luma.runtime.script.behave('db', { ...ENGINE, exitDuringStart: { code: 3 } });
    const beganMs = luma.clock.monotonic();
    const answers = await luma.during(Promise.all([luma.proxy.request('shop'), luma.proxy.request('shop')]));
    expect(answers.map(({ status }) => status)).toEqual([502, 502]);
    expect(luma.clock.monotonic() - beganMs).toBeLessThan(500);
    const { status, instances } = await luma.control.getProject('shop');
    expect(status).toMatchObject({ name: 'failed', failure: { code: 'dependency_failed' } });
    expect(status.failure?.message).toStartWith('it depends on db: ');
    expect(instances).toMatchObject([{ state: 'prepared' }]);
    await luma.pass(10);
    const failed = luma.events.filter(({ project, kind }) => project === 'shop' && kind === 'wake_failed');
    expect(failed).toHaveLength(1);
    luma.runtime.script.behave('db', ENGINE);
    // The back-off of db has passed; that of a client is a second.
    await luma.pass(1_500);
    expect((await luma.during(luma.proxy.request('shop'))).status).toBe(200);
    expect((await luma.control.getProject('shop')).status).toEqual({ name: 'running', failure: null });
  });

  test('is given up after wake_timeout, while the wake of the other goes on', async () => {
    const luma = await platform();
    luma.runtime.script.behave('db', { ...ENGINE, bootMs: 30_000 });
    await luma.create({ name: 'db' });
    await luma.create({ name: 'shop', keeping: on('db'), wakeTimeoutMs: 12_000 });
    await luma.pass(50);
    const beganMs = luma.clock.monotonic();
    expect((await luma.during(luma.proxy.request('shop'))).status).toBe(502);
    expect(luma.clock.monotonic() - beganMs).toBeWithin(12_000, 12_400);
    expect((await luma.control.getProject('shop')).status.failure?.code).toBe('dependency_timeout');
    await luma.pass(15_000);
    const again = luma.proxy.request('shop');
    expect((await luma.during(again)).status).toBe(200);
  });

  test('by a person tries one that failed at once, whatever its back-off', async () => {
    const luma = await platform();
    await luma.create({ name: 'db' });
    await luma.create({ name: 'shop', keeping: on('db') });
    await luma.pass(50);
    luma.runtime.script.behave('db', { ...ENGINE, exitDuringStart: { code: 3 } });
    for (let tries = 0; tries < 4; tries++) {
      expect(luma.during(luma.control.wake('shop'))).rejects.toMatchObject({ code: 'wake_failed' });
      await luma.pass(400);
    }
    luma.runtime.script.behave('db', ENGINE);
    expect((await luma.during(luma.control.wake('shop'))).view.status.name).toBe('running');
  });

  test('keeps a deploy from being tried before they are there, and fails it when they fail', async () => {
    const luma = await platform();
    await luma.create({ name: 'db' });
    await luma.create({ name: 'shop', keeping: on('db') });
    await luma.pass(50);
    await luma.during(
      luma.control.replaceProject(projectSettings({ name: 'shop', keeping: on('db'), image: 'app:2' })),
    );
    await luma.pass(1_000);
    expect(startsOf(luma)).toEqual(['db', 'shop']);
    await luma.pass(60_000);
    luma.runtime.script.behave('db', { ...ENGINE, exitDuringStart: { code: 3 } });
    await luma.during(
      luma.control.replaceProject(projectSettings({ name: 'shop', keeping: on('db'), image: 'app:3' })),
    );
    // It has answered before: only after 1, 2 and 4 seconds it is not tried again.
    await luma.pass(10_000);
    const { switchFailure, status } = await luma.control.getProject('shop');
    expect(switchFailure?.code).toBe('dependency_failed');
    expect(status.name).toBe('idle');
  });

  test('of one that a person stopped fails at once and says so', async () => {
    const luma = await platform();
    await luma.create({ name: 'db' });
    await luma.create({ name: 'shop', keeping: on('db') });
    await luma.pass(50);
    await luma.during(luma.control.stop('db'));
    expect((await luma.during(luma.proxy.request('shop'))).status).toBe(502);
    const { status } = await luma.control.getProject('shop');
    expect(status.failure).toMatchObject({
      code: 'dependency_failed',
      message: 'it depends on db: it is stopped until it is started again',
    });
    await luma.during(luma.control.start('db'));
    await luma.pass(1_100);
    expect((await luma.during(luma.proxy.request('shop'))).status).toBe(200);
  });
});

describe('one that others depend on', () => {
  test('sleeps when none of them is awake any more and its own idle_timeout has passed from there', async () => {
    const luma = await platform();
    await luma.create({ name: 'db', idleTimeoutMs: 5_000 });
    await luma.create({ name: 'shop', keeping: on('db'), idleTimeoutMs: 20_000 });
    await luma.create({ name: 'blog', keeping: on('db'), idleTimeoutMs: 40_000 });
    await luma.pass(50);
    await luma.during(Promise.all([luma.proxy.request('shop'), luma.proxy.request('blog')]));
    await luma.pass(21_000);
    expect(await statuses(luma, 'shop', 'blog', 'db')).toEqual(['idle', 'running', 'running']);
    expect((await luma.control.getProject('db')).keeps).toEqual([{ by: 'dependents', projects: ['blog'] }]);
    await luma.pass(20_000);
    expect(await statuses(luma, 'blog', 'db')).toEqual(['idle', 'running']);
    await luma.pass(3_500);
    expect(await luma.status('db')).toBe('running');
    await luma.pass(2_000);
    expect(await luma.status('db')).toBe('idle');
  });

  test('that ends by itself is started again while they are awake', async () => {
    const luma = await platform();
    await luma.create({ name: 'db' });
    await luma.create({ name: 'shop', keeping: on('db'), idleTimeoutMs: null });
    await luma.pass(50);
    await luma.during(luma.proxy.request('shop'));
    const [running] = (await luma.control.getProject('db')).instances;
    luma.runtime.script.exit(running?.instanceId ?? '');
    await luma.pass(2_000);
    expect(await luma.status('db')).toBe('running');
  });

  test('is not put to sleep by a person meanwhile', async () => {
    const luma = await platform();
    await luma.create({ name: 'db' });
    await luma.create({ name: 'shop', keeping: on('db') });
    await luma.pass(50);
    await luma.during(luma.proxy.request('shop'));
    await luma.pass(100);
    expect(luma.control.sleep('db')).rejects.toMatchObject({
      code: 'project_kept_awake',
      message: 'db is kept awake: shop depends on it and is awake',
    });
    await luma.pass(10);
  });

  test('at the fence, and behind it, is woken by one that wakes, and no request is lost', async () => {
    // Around the moment of the sleep, in steps: before the fence, between, after the signal, during the stop.
    for (let offsetMs = -6; offsetMs <= 60; offsetMs += 2) {
      const luma = await platform();
      await luma.create({ name: 'db', idleTimeoutMs: 1_000 });
      await luma.create({ name: 'shop', keeping: on('db'), idleTimeoutMs: 500 });
      await luma.pass(50);
      await luma.during(luma.proxy.request('shop'));
      while ((await luma.status('shop')) !== 'idle') await luma.pass(1);
      await luma.pass(1_000 + offsetMs);
      const answer = await luma.during(luma.proxy.request('shop'), 1);
      expect([offsetMs, answer.status]).toEqual([offsetMs, 200]);
      expect(await statuses(luma, 'db', 'shop')).toEqual(['running', 'running']);
    }
  });
});

describe('after a restart of the server', () => {
  test('what is awake is what counts', async () => {
    const luma = await platform();
    await luma.create({ name: 'db', idleTimeoutMs: 1_000 });
    await luma.create({ name: 'shop', keeping: on('db'), idleTimeoutMs: 60_000 });
    await luma.pass(50);
    await luma.during(luma.proxy.request('shop'));
    const next = await (await luma.successor()).open();
    await next.pass(10_000);
    expect(await statuses(next, 'db', 'shop')).toEqual(['running', 'running']);
    await next.pass(60_000);
    expect(await statuses(next, 'db', 'shop')).toEqual(['idle', 'idle']);
  });
});

describe('a group', () => {
  test('wakes together and sleeps together', async () => {
    const luma = await platform();
    for (const name of ['web', 'api', 'jobs'])
      await luma.create({ name, keeping: inGroup('shop'), idleTimeoutMs: 10_000 });
    await luma.pass(50);
    await luma.during(luma.proxy.request('web'));
    await luma.pass(500);
    expect(await statuses(luma, 'web', 'api', 'jobs')).toEqual(['running', 'running', 'running']);
    await luma.pass(8_000);
    await luma.during(luma.proxy.request('api'));
    await luma.pass(9_000);
    expect(await statuses(luma, 'web', 'api', 'jobs')).toEqual(['running', 'running', 'running']);
    expect((await luma.control.getProject('web')).keeps).toEqual([{ by: 'group', projects: ['api'] }]);
    await luma.pass(2_000);
    expect(await statuses(luma, 'web', 'api', 'jobs')).toEqual(['idle', 'idle', 'idle']);
    await luma.pass(60_000);
    expect(startsOf(luma)).toHaveLength(3);
  });

  test('goes to sleep as a whole when a person says so to one, unless one is busy', async () => {
    const luma = await platform();
    for (const name of ['web', 'api']) await luma.create({ name, keeping: inGroup('shop') });
    await luma.pass(50);
    const long = luma.proxy.request('api', 3_000);
    await luma.during(luma.proxy.request('web'));
    await luma.pass(200);
    expect(luma.control.sleep('web')).rejects.toMatchObject({ code: 'project_kept_awake' });
    await luma.during(long);
    await luma.pass(200);
    await luma.during(luma.control.sleep('web'));
    await luma.pass(200);
    expect(await statuses(luma, 'web', 'api')).toEqual(['idle', 'idle']);
  });

  test('with a member that depends on another sleeps one right after the other, and does not wake itself', async () => {
    const luma = await platform();
    await luma.create({ name: 'db', keeping: inGroup('shop'), idleTimeoutMs: 5_000 });
    await luma.create({ name: 'web', keeping: { ...on('db'), group: 'shop' }, idleTimeoutMs: 5_000 });
    await luma.pass(50);
    await luma.during(luma.proxy.request('web'));
    await luma.pass(6_000);
    expect(await statuses(luma, 'web', 'db')).toEqual(['idle', 'idle']);
    await luma.pass(60_000);
    expect(startsOf(luma)).toEqual(['db', 'web']);
  });
});

describe('a schedule', () => {
  test('keeps awake while its window is open, and says until when', async () => {
    const luma = await platform();
    const minute = Math.ceil(luma.clock.now() / 60_000 + 1) * 60_000;
    const at = new Date(minute);
    const cron = `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
    const schedules = [{ cron, timeZone: 'UTC', keepAwakeMs: 600_000 }];
    await luma.create({ keeping: { ...DEFAULT_KEEPING, schedules } });
    await luma.pass(minute - luma.clock.now() + 1_000);
    expect(await luma.status('app')).toBe('running');
    expect((await luma.control.getProject('app')).keeps).toEqual([
      { by: 'schedule', until: minute + 600_000 },
    ]);
    await luma.pass(590_000);
    expect(await luma.status('app')).toBe('running');
    await luma.pass(10_000 + 18_000);
    expect(await luma.status('app')).toBe('running');
    await luma.pass(2_000);
    expect(await luma.status('app')).toBe('idle');
    expect(luma.kinds().filter((kind) => kind.startsWith('window'))).toEqual([
      'window_opened',
      'window_closed',
    ]);
  });

  test('wakes at its moment, after which it sleeps as always', async () => {
    const luma = await platform();
    const schedules = [{ cron: '*/5 * * * *', timeZone: 'UTC', keepAwakeMs: null }];
    await luma.create({ keeping: { ...DEFAULT_KEEPING, schedules } });
    await luma.pass(300_000 - (luma.clock.now() % 300_000) + 1_000);
    expect(await luma.status('app')).toBe('running');
    await luma.pass(30_000);
    expect(await luma.status('app')).toBe('idle');
  });
});

test('a project that wakes and sleeps again and again says so once among its events', async () => {
  const luma = await platform();
  await luma.create({ idleTimeoutMs: 1_000 });
  await luma.pass(50);
  for (let tries = 0; tries < 12; tries++) {
    await luma.during(luma.proxy.request('app'));
    await luma.pass(2_000);
  }
  const reports = luma.events.filter(({ kind }) => kind === 'flapping');
  expect(reports).toHaveLength(1);
  expect(reports[0]?.message).toStartWith(
    'app went to sleep and woke up 6 times within 10m; a longer idle_timeout (now 1s)',
  );
  expect(reports[0]?.details).toMatchObject({
    ...{ wakes: 6, crashes: 0, window_ms: 600_000, idle_timeout: '1s' },
    paths: [{ text: '/', count: 6 }],
  });
});

describe('what people may say', () => {
  test('is refused where it makes a circle, names nobody, or takes away what others need', async () => {
    const luma = await platform();
    await luma.create({ name: 'a' });
    await luma.create({ name: 'b', keeping: on('a') });
    expect(
      luma.control.replaceProject(projectSettings({ name: 'a', keeping: on('b') })),
    ).rejects.toMatchObject({
      code: 'dependency_cycle',
      message: 'projects would depend on each other in a circle: a → b → a',
    });
    expect(
      luma.control.createProject(projectSettings({ name: 'c', keeping: on('nobody') })),
    ).rejects.toMatchObject({
      code: 'dependency_unknown',
      fields: [{ field: 'depends_on.0.project', value: 'nobody' }],
    });
    expect(
      luma.control.createProject(projectSettings({ name: 'c', keeping: on('c') })),
    ).rejects.toMatchObject({
      code: 'dependency_cycle',
    });
    expect(luma.control.deleteProject('a')).rejects.toMatchObject({
      code: 'project_depended_on',
      message: 'b depends on a',
      details: { dependents: ['b'] },
    });
    await luma.pass(10);
    await luma.during(luma.control.deleteProject('b'));
    await luma.during(luma.control.deleteProject('a'));
  });
});
