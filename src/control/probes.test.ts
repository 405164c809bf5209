/** Probes of a whole control plane, on one manual clock: what they do to instances, and what people see of it. */
import { describe, expect, test } from 'bun:test';
import { NO_PROBES, PROBE_DEFAULTS, type Probe, type Probes } from '../domain/probe.ts';
import { DEFAULT_SCALING } from '../domain/project.ts';
import type { ExecOutcome } from '../runtimes/contract.ts';
import type { FakeBehaviour } from '../runtimes/fake/index.ts';
import { Platform } from './rehearsal/platform.ts';

const { initialDelayMs, timeoutMs, failureThreshold, successThreshold } = PROBE_DEFAULTS;
const probe: Probe = {
  check: { kind: 'exec', command: ['check'] },
  ...{ initialDelayMs, timeoutMs, periodMs: 1_000, failureThreshold, successThreshold },
};
const live: Probes = { ...NO_PROBES, liveness: probe };
const ready: Probes = { ...NO_PROBES, readiness: probe };

/** What the check finds from now on: 0, another status, or that it hangs. */
class Patient {
  finds: number | 'hangs' = 0;
  asked = 0;
  readonly behaviour: FakeBehaviour = {
    exec: (): ExecOutcome | 'hangs' => {
      this.asked += 1;
      return this.finds === 'hangs' ? 'hangs' : { code: this.finds, output: 'no database' };
    },
  };
}

async function awake(probes: Probes, more: object = {}): Promise<{ luma: Platform; app: Patient }> {
  const luma = await new Platform().open();
  const app = new Patient();
  luma.runtime.script.behave('app', app.behaviour);
  await luma.create({ probes, idleTimeoutMs: null, ...more });
  expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  return { luma, app };
}

async function instance(luma: Platform) {
  return (await luma.control.getProject('app')).instances[0];
}

describe('liveness', () => {
  test('that fails as often as the threshold says replaces the instance, and who comes meanwhile is answered by the next', async () => {
    const { luma, app } = await awake(live);
    app.finds = 1;
    await luma.pass(1_900);
    expect(luma.runtime.script.countOf('stop')).toBe(0);
    await luma.pass(1_200);
    expect(luma.runtime.script.countOf('stop')).toBe(1);
    const told = luma.events.find((event) => event.kind === 'unhealthy');
    expect(told?.message).toBe(
      'app is not healthy and is replaced: the command check: ended with 1, and said: no database.',
    );
    expect(told?.details).toMatchObject({ code: 'liveness_failed' });
    app.finds = 0;
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(luma.runtime.script.countOf('start')).toBe(2);
  });

  test('that hangs is a failure after its timeout', async () => {
    const { luma, app } = await awake(live);
    app.finds = 'hangs';
    await luma.pass(4_500);
    expect(luma.kinds()).toContain('unhealthy');
  });

  test('that succeeds in between starts the count anew', async () => {
    const { luma, app } = await awake(live);
    for (let round = 0; round < 5; round++) {
      app.finds = 1;
      await luma.pass(2_000);
      app.finds = 0;
      await luma.pass(1_000);
    }
    expect(luma.kinds()).not.toContain('unhealthy');
  });

  test('that never succeeds ends in failed with a reason and the last lines, and is tried again on demand', async () => {
    const { luma, app } = await awake(live, { scaling: { ...DEFAULT_SCALING, minInstances: 1 } });
    app.finds = 1;
    luma.runtime.script.behave('app', {
      ...app.behaviour,
      prints: () => [{ stream: 'stderr', text: 'cannot reach the database' }],
    });
    await luma.pass(60_000);
    expect(await luma.status()).toBe('failed');
    const { failure } = (await luma.control.getProject('app')).status;
    expect(failure).toMatchObject({ code: 'liveness_failed', logLines: ['cannot reach the database'] });
    const starts = luma.runtime.script.countOf('start');
    // 1 s, 2 s, 4 s … between lives of three seconds.
    expect(starts).toBeLessThan(9);
    app.finds = 0;
    await luma.during(luma.control.wake('app'));
    expect(await luma.status()).toBe('running');
  });

  test('of one among several drains it, and the others serve on', async () => {
    const { luma, app } = await awake(live, {
      scaling: { ...DEFAULT_SCALING, minInstances: 2, maxInstances: 2 },
    });
    await luma.pass(2_000);
    const [first] = (await luma.control.getProject('app')).instances;
    luma.runtime.script.behave(first?.instanceId ?? '', {
      exec: () => ({ code: 1, output: '' }),
    });
    await luma.pass(3_500);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    await luma.pass(5_000);
    const { instances } = await luma.control.getProject('app');
    expect(instances.map(({ state }) => state)).toEqual(['running', 'running']);
    expect(instances.some(({ instanceId }) => instanceId === first?.instanceId)).toBe(false);
    expect(app.asked).toBeGreaterThan(0);
  });

  test('of an engine that is away is neither a failure nor a success', async () => {
    const { luma, app } = await awake(live);
    app.finds = 1;
    await luma.pass(2_100);
    luma.runtime.script.becomeUnavailable();
    await luma.pass(20_000);
    expect(luma.kinds()).not.toContain('unhealthy');
    luma.runtime.script.becomeAvailable();
    await luma.pass(1_500);
    expect(luma.kinds()).toContain('unhealthy');
  });
});

describe('the check that an image brings along', () => {
  test('replaces the instance as a liveness probe does', async () => {
    const { luma } = await awake(NO_PROBES);
    luma.runtime.script.tellUnhealthy((await instance(luma))?.instanceId ?? '');
    await luma.pass(100);
    expect(luma.kinds()).toContain('unhealthy');
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(luma.runtime.script.countOf('start')).toBe(2);
  });

  test('does not delay or break a wake: who failed it while it started has as many tries as any other', async () => {
    const { luma, id } = await startingSick();
    for (let second = 0; second < 60; second++) await luma.pass(1_000);
    luma.runtime.script.tellUnhealthy(id);
    luma.runtime.script.tellHealthy(id);
    await luma.pass(60_000);
    expect(luma.kinds()).not.toContain('unhealthy');
    expect(luma.runtime.script.countOf('start')).toBe(1);
  });

  test('replaces an instance that fails it from its start on, once it has been given its tries', async () => {
    const { luma, id } = await startingSick();
    await luma.pass(20_000);
    expect(luma.kinds()).not.toContain('unhealthy');
    // One may have been under way when it answered first, the next is the verdict. Docker tells of neither.
    for (let count = 0; count < 2; count++) {
      luma.runtime.script.tellUnhealthy(id);
      await luma.pass(10_000);
      expect(luma.kinds().includes('unhealthy')).toBe(count === 1);
    }
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(luma.runtime.script.countOf('start')).toBe(2);
  });

  test('replaces an instance that failed it while no server ran, as soon as it is adopted', async () => {
    const { luma } = await awake(NO_PROBES);
    const id = (await instance(luma))?.instanceId ?? '';
    luma.runtime.script.dropEvents();
    luma.runtime.script.tellUnhealthy(id);
    const next = await luma.successor();
    await next.open();
    await next.pass(1_000);
    expect(next.kinds()).toContain('unhealthy');
    expect((await next.during(next.proxy.request('app'))).status).toBe(200);
    expect(luma.runtime.script.countOf('start')).toBe(2);
  });

  test('is asked for no more when its instance is gone', async () => {
    const { luma, id } = await startingSick();
    await luma.pass(10_000);
    await luma.during(luma.control.stop('app'));
    const before = luma.runtime.script.countOf('list');
    await luma.pass(60_000);
    expect(luma.runtime.script.countOf('list')).toBe(before);
    expect((await luma.control.getProject('app')).instances[0]?.instanceId).toBe(id);
  });
});

/** Its image's check fails while it boots; then it answers. */
async function startingSick(): Promise<{ luma: Platform; id: string }> {
  const luma = await new Platform().open();
  luma.runtime.script.behave('app', { bootMs: 500 });
  await luma.create({ idleTimeoutMs: null });
  const answer = luma.proxy.request('app');
  await luma.pass(100);
  const id = (await instance(luma))?.instanceId ?? '';
  luma.runtime.script.tellUnhealthy(id);
  expect((await luma.during(answer)).status).toBe(200);
  return { luma, id };
}

describe('readiness', () => {
  test('that fails takes the instance out, holds who comes, and answers them when it succeeds again', async () => {
    const { luma, app } = await awake(ready);
    app.finds = 1;
    await luma.pass(3_100);
    expect(await instance(luma)).toMatchObject({
      state: 'running',
      isReady: false,
      health: { code: 'readiness_failed' },
    });
    expect(luma.proxy.gateOf('app')).toBe('closed');
    const held = luma.proxy.request('app');
    await luma.pass(2_000);
    app.finds = 0;
    expect((await luma.during(held)).status).toBe(200);
    expect(luma.runtime.script.countOf('start')).toBe(1);
    expect(luma.runtime.script.countOf('stop')).toBe(0);
    expect(await instance(luma)).toMatchObject({ isReady: true, health: null });
    expect(luma.kinds().filter((kind) => kind === 'not_ready' || kind === 'ready_again')).toEqual([
      'not_ready',
      'ready_again',
    ]);
  });

  test('wants as many successes in a row as the threshold says', async () => {
    const { luma, app } = await awake({ ...NO_PROBES, readiness: { ...probe, successThreshold: 3 } });
    app.finds = 1;
    await luma.pass(3_100);
    app.finds = 0;
    await luma.pass(2_500);
    expect((await instance(luma))?.isReady).toBe(false);
    await luma.pass(1_000);
    expect((await instance(luma))?.isReady).toBe(true);
  });

  test('of the leader of several leaves the requests to the others', async () => {
    const { luma } = await awake(ready, {
      scaling: { ...DEFAULT_SCALING, minInstances: 2, maxInstances: 2 },
    });
    await luma.pass(2_000);
    const [first] = (await luma.control.getProject('app')).instances;
    luma.runtime.script.behave(first?.instanceId ?? '', { exec: () => ({ code: 1, output: '' }) });
    await luma.pass(4_000);
    expect(luma.proxy.gateOf('app')).toBe('open');
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    const { instances } = await luma.control.getProject('app');
    expect(instances.find(({ instanceId }) => instanceId === first?.instanceId)?.isReady).toBe(false);
  });

  test('an instance that is not ready and not asked for sleeps all the same, and wakes ready', async () => {
    const { luma, app } = await awake(ready, { idleTimeoutMs: 10_000 });
    app.finds = 1;
    await luma.pass(30_000);
    expect(await luma.status()).toBe('idle');
    app.finds = 0;
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect((await instance(luma))?.isReady).toBe(true);
  });
});

describe('nobody is asked', () => {
  test('while the project sleeps, and no question wakes it or keeps it awake', async () => {
    const { luma, app } = await awake(live, { idleTimeoutMs: 5_000 });
    await luma.pass(7_000);
    expect(await luma.status()).toBe('idle');
    const { asked } = app;
    expect(asked).toBeGreaterThan(3);
    await luma.pass(60_000);
    expect(app.asked).toBe(asked);
    expect(await luma.status()).toBe('idle');
  });

  test('while it is frozen; who thaws is asked again', async () => {
    const scaling = { ...DEFAULT_SCALING, maxInstances: 1, freezeAfterMs: 2_000 };
    const { luma, app } = await awake(live, { idleTimeoutMs: 600_000, scaling });
    await luma.pass(3_000);
    expect(await luma.status()).toBe('frozen');
    const { asked } = app;
    await luma.pass(60_000);
    expect(app.asked).toBe(asked);
    await luma.during(luma.proxy.request('app'));
    await luma.pass(1_500);
    expect(app.asked).toBeGreaterThan(asked);
  });

  test('before the initial delay is over', async () => {
    const { luma, app } = await awake({ ...NO_PROBES, liveness: { ...probe, initialDelayMs: 5_000 } });
    await luma.pass(4_900);
    expect(app.asked).toBe(0);
    await luma.pass(200);
    expect(app.asked).toBe(1);
  });
});

describe('a startup command', () => {
  const startup = {
    check: probe.check,
    ...{ initialDelayMs: 0, timeoutMs: 1_000, periodMs: 10_000, failureThreshold: null },
  };

  test('must succeed before anybody is sent there, and a quick app is found ready quickly', async () => {
    const luma = await new Platform().open();
    const app = new Patient();
    app.finds = 1;
    luma.runtime.script.behave('app', app.behaviour);
    await luma.create({ probes: { ...NO_PROBES, startup } });
    const answer = luma.proxy.request('app');
    await luma.pass(500);
    expect(luma.proxy.gateOf('app')).toBe('closed');
    app.finds = 0;
    const beganMs = luma.clock.monotonic();
    expect((await luma.during(answer)).status).toBe(200);
    expect(luma.clock.monotonic() - beganMs).toBeLessThan(100);
  });

  test('that never succeeds fails the start when its periods are over, with a reason', async () => {
    const luma = await new Platform().open();
    const app = new Patient();
    app.finds = 1;
    luma.runtime.script.behave('app', app.behaviour);
    const slow = { ...startup, periodMs: 2_000, failureThreshold: 4 };
    await luma.create({ probes: { ...NO_PROBES, startup: slow } });
    const beganMs = luma.clock.monotonic();
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(502);
    expect(luma.clock.monotonic() - beganMs).toBeWithin(8_000, 8_500);
    expect((await luma.control.getProject('app')).status.failure?.message).toContain(
      'the command check of its startup probe did not end with 0',
    );
    // Seldom enough: every tenth of what has passed.
    expect(app.asked).toBeWithin(20, 80);
  });

  test('may take longer than the wake timeout where its threshold says so', async () => {
    const luma = await new Platform().open();
    const app = new Patient();
    app.finds = 1;
    luma.runtime.script.behave('app', app.behaviour);
    const slow = { ...startup, failureThreshold: 24 };
    await luma.create({ wakeTimeoutMs: 20_000, probes: { ...NO_PROBES, startup: slow } });
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(503);
    expect(await luma.status()).toBe('starting');
    await luma.pass(60_000);
    app.finds = 0;
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(luma.runtime.script.countOf('start')).toBe(1);
  });
});
