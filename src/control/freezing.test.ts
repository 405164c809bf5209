/** Freezing over a whole control plane: suspended after a first quiet, resumed by a request, stopped after a longer one. */
import { afterEach, describe, expect, test } from 'bun:test';
import { LumaError } from '../base/errors.ts';
import { DEFAULT_SCALING, type ScalingSettings } from '../domain/project.ts';
import { Platform, projectSettings } from './rehearsal/platform.ts';

const open: Platform[] = [];

function scalingWith(changed: Partial<ScalingSettings>): ScalingSettings {
  return { ...DEFAULT_SCALING, concurrency: 10, maxInstances: 1, freezeAfterMs: 5_000, ...changed };
}

async function platform(maxInstances = 1, minInstances = 0): Promise<Platform> {
  const luma = await new Platform().open();
  open.push(luma);
  await luma.create({ scaling: scalingWith({ maxInstances, minInstances }) });
  await luma.pass(100);
  return luma;
}

afterEach(async () => {
  for (const luma of open.splice(0))
    await luma.during(luma.control.close({ stopInstances: false, timeoutMs: 0 }));
});

const states = async (luma: Platform): Promise<string[]> =>
  (await luma.runtime.list()).map(({ state }) => state);

function calls({ runtime: { script } }: Platform): Record<'start' | 'freeze' | 'thaw' | 'stop', number> {
  const countOf = (call: 'start' | 'freeze' | 'thaw' | 'stop'): number => script.countOf(call);
  return {
    start: countOf('start'),
    freeze: countOf('freeze'),
    thaw: countOf('thaw'),
    stop: countOf('stop'),
  };
}

describe('a project with freeze_after', () => {
  test('is suspended after it, resumed by the next request, and stopped after idle_timeout', async () => {
    const luma = await platform();
    const first = await luma.during(luma.proxy.request('app'));
    await luma.pass(6_000);
    expect([await luma.status(), await states(luma)]).toEqual(['frozen', ['frozen']]);
    expect(luma.kinds()).toContain('frozen');
    expect(await luma.during(luma.proxy.request('app'))).toEqual(first);
    expect([await luma.status(), luma.runtime.script.countOf('start')]).toEqual(['running', 1]);
    await luma.pass(6_000);
    expect(await luma.status()).toBe('frozen');
    await luma.pass(15_000);
    expect([await luma.status(), await states(luma)]).toEqual(['idle', ['exited']]);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  });

  test('is expected by the edge while it is resumed, and published as reached where that has connected', async () => {
    for (const reaches of [true, false]) {
      const luma = await platform();
      await luma.during(luma.proxy.request('app'));
      await luma.pass(6_000);
      luma.proxy.reaches = reaches;
      expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
      const [target] = luma.proxy.services.get('app')?.spec.targets ?? [];
      expect(luma.proxy.expected).toMatchObject([{ id: target?.id, host: target?.host, port: target?.port }]);
      expect(target?.isReached ?? false).toBe(reaches);
    }
  });

  test('is started anew, and asked, after it was reached and then could not be resumed', async () => {
    const luma = await platform();
    await luma.during(luma.proxy.request('app'));
    await luma.pass(6_000);
    luma.proxy.reaches = true;
    luma.runtime.script.behave('app', { refuse: { thaw: new LumaError('runtime_failed', 'no') } });
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(502);
    await luma.pass(10_000);
    luma.runtime.script.behave('app', {});
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(luma.proxy.services.get('app')?.spec.targets[0]).not.toHaveProperty('isReached');
  });

  test('loses no request that crosses its freezing at any moment', async () => {
    for (let offsetMs = 4_900; offsetMs <= 5_400; offsetMs += 7) {
      const luma = await platform();
      await luma.during(luma.proxy.request('app'));
      await luma.pass(offsetMs);
      expect((await luma.during(luma.proxy.request('app', 20))).status).toBe(200);
      await luma.during(luma.control.close({ stopInstances: false, timeoutMs: 0 }));
      open.length = 0;
    }
  });

  test('is put to sleep, stopped and deployed while it is frozen', async () => {
    const luma = await platform();
    await luma.during(luma.proxy.request('app'));
    await luma.pass(6_000);
    await luma.during(luma.control.sleep('app'));
    expect(await states(luma)).toEqual(['exited']);
    await luma.during(luma.proxy.request('app'));
    await luma.pass(6_000);
    await luma.during(luma.control.stop('app'));
    expect(await luma.status()).toBe('stopped');
    expect(await states(luma)).toEqual(['exited']);
  });

  test('has the extra instances of a load removed before it is frozen', async () => {
    const luma = await platform(5);
    const crowd = Array.from({ length: 40 }, () => luma.proxy.request('app', 4_000));
    await luma.pass(3_000);
    expect((await states(luma)).filter((state) => state === 'running').length).toBeGreaterThan(2);
    for (const { status } of await luma.during(Promise.all(crowd))) expect(status).toBe(200);
    await luma.pass(7_000);
    expect(await states(luma)).toEqual(['frozen']);
  });

  test('that ends while it is frozen is started anew by the next request', async () => {
    const luma = await platform();
    await luma.during(luma.proxy.request('app'));
    await luma.pass(6_000);
    const [{ instanceId } = { instanceId: '' }] = await luma.runtime.list();
    luma.runtime.script.exit(instanceId);
    await luma.pass(500);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  });

  test('goes on when the engine cannot suspend it', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { refuse: { freeze: new LumaError('runtime_failed', 'no') } });
    await luma.during(luma.proxy.request('app'));
    await luma.pass(6_000);
    expect(await luma.status()).toBe('running');
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    await luma.pass(25_000);
    expect(await luma.status()).toBe('idle');
  });

  test('stays frozen over a restart of the control plane, and wakes from it', async () => {
    const first = await platform();
    await first.during(first.proxy.request('app'));
    await first.pass(6_000);
    const second = await (await first.successor()).open();
    open.push(second);
    await second.pass(1_000);
    expect(await second.status()).toBe('frozen');
    expect((await second.during(second.proxy.request('app'))).status).toBe(200);
    expect(second.runtime.script.countOf('start')).toBe(1);
  });
});

describe('min_instances beside freeze_after', () => {
  test('are awake all the time: none of them is frozen, and none is thawed', async () => {
    const luma = await platform(5, 2);
    await luma.during(luma.proxy.request('app'));
    for (let passedMs = 0; passedMs < 60_000; passedMs += 500) {
      await luma.pass(500);
      expect([await luma.status(), await states(luma)]).toEqual(['running', ['running', 'running']]);
    }
    expect(calls(luma)).toEqual({ start: 2, freeze: 0, thaw: 0, stop: 0 });
  });

  test('that are wanted while it lies frozen thaw it at once, and it is frozen again when they are given up', async () => {
    const luma = await platform();
    await luma.during(luma.proxy.request('app'));
    await luma.pass(6_000);
    expect(await luma.status()).toBe('frozen');
    const change = (minInstances: number): Promise<unknown> =>
      luma.during(luma.control.replaceProject(projectSettings({ scaling: scalingWith({ minInstances }) })));
    await change(1);
    await luma.pass(60_000);
    expect([await luma.status(), calls(luma).thaw]).toEqual(['running', 1]);
    await luma.during(luma.proxy.request('app'));
    await change(0);
    await luma.pass(6_000);
    expect(await luma.status()).toBe('frozen');
  });

  test('are awake again after a restart that finds one frozen', async () => {
    const first = await platform(1, 1);
    await first.pass(500);
    const [{ instanceId } = { instanceId: '' }] = await first.runtime.list();
    await first.during(first.control.close({ stopInstances: false, timeoutMs: 0 }));
    await first.during(first.runtime.freeze(instanceId));
    const second = await (await first.successor()).open();
    open.push(second);
    await second.pass(60_000);
    expect([await second.status(), await states(second)]).toEqual(['running', ['running']]);
    expect(calls(second)).toEqual({ start: 1, freeze: 1, thaw: 1, stop: 0 });
  });
});
