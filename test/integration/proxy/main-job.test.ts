import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { FenceResult } from '../../../src/proxy/client/index.ts';
import { App, ProxyFixture, spec, target, until } from './proxy-fixture.ts';

let proxy: ProxyFixture;
let app: App;
beforeEach(() => {
  proxy = new ProxyFixture();
  app = new App('one');
});
afterEach(async () => {
  app.finish();
  await app.stop();
  await proxy.dispose();
});

function tokenOf(result: FenceResult): string {
  if (result.kind === 'refused') throw new Error(`refused: ${JSON.stringify(result.activity)}`);
  return result.token;
}

describe.each([0, 2])('with %d worker processes', (workers) => {
  test('a published service with a target serves, and unknown hosts are 404', async () => {
    await proxy.start({ workers });
    const control = proxy.link();
    await control.hears('ready');
    await control.link.publish(spec('hello', { targets: [target('i1', app.port)] }));
    await control.hears('answered hello i1');
    const answer = await proxy.get('hello.test');
    expect([answer.status, await answer.text()]).toEqual([200, 'one']);
    expect((await proxy.get('other.test')).status).toBe(404);
    expect((await proxy.get('any.test', '/luma-proxy-health')).status).toBe(200);
    const status = await proxy.client.getService('hello');
    expect(status).toMatchObject({ gate: 'open', in_flight: 0, owner: 'inst-a' });
  });

  test('first requests are held, raise a wake, and are all answered by the one instance', async () => {
    await proxy.start({ workers });
    const control = proxy.link('inst-a', 1, [spec('hello')]);
    await control.hears('ready');
    const answers = Array.from({ length: 50 }, () => proxy.get('hello.test'));
    await control.hears('wake hello');
    await until('all held', async () => (await proxy.client.getService('hello')).held === 50);
    await control.link.publish(spec('hello', { targets: [target('i1', app.port)] }));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual(new Array(50).fill(200));
    expect(app.requests).toBe(50);
    await until('all ends to be told', () => control.activity.get('hello')?.ends === 50);
    expect(control.activity.get('hello')).toMatchObject({ inFlight: 0, held: 0 });
  });

  test('the sleep in two phases: refused while busy, then fenced, signalled and closed', async () => {
    await proxy.start({ workers });
    const awake = spec('hello', { targets: [target('i1', app.port)] });
    const control = proxy.link('inst-a', 1, [awake]);
    await control.hears('answered hello i1');
    const { link } = control;
    const slow = proxy.get('hello.test', '/slow');
    await until('in flight', () => control.activity.get('hello')?.inFlight === 1);
    expect((await link.fence('hello', 0)).kind).toBe('refused');
    app.finish();
    expect((await slow).status).toBe(200);
    await until('ended', () => control.activity.get('hello')?.ends === 1);
    expect((await link.fence('hello', 0)).kind).toBe('refused');
    const token = tokenOf(await link.fence('hello', 1));
    expect(await link.signalled('hello', 'another')).toBe('stale');
    expect(await link.signalled('hello', token)).toBe('accepted');
    const held = proxy.get('hello.test');
    await control.hears('wake hello');
    expect(app.requests).toBe(1);
    await link.publish(spec('hello'));
    expect(await link.drained('hello', 'i1', 1_000)).toBe(true);
    await link.publish(spec('hello', { targets: [target('i2', app.port)] }));
    expect((await held).status).toBe(200);
  });

  test('a request lifts a fence that is not signalled, and its token is stale', async () => {
    await proxy.start({ workers });
    const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
    await control.hears('answered hello i1');
    const token = tokenOf(await control.link.fence('hello', 0));
    expect((await proxy.get('hello.test')).status).toBe(200);
    await control.hears('lifted hello');
    expect(await control.link.signalled('hello', token)).toBe('stale');
  });

  test('a failed wake answers all held, and the next request after the back-off asks again', async () => {
    await proxy.start({ workers });
    const control = proxy.link('inst-a', 1, [spec('hello')]);
    await control.hears('ready');
    const held = [proxy.get('hello.test'), proxy.get('hello.test')];
    await control.hears('wake hello');
    await until('both held', async () => (await proxy.client.getService('hello')).held === 2);
    const failure = { code: 'image_missing', message: 'no such image', retryAfterMs: 50 };
    await control.link.wakeFailed('hello', failure);
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([502, 502]);
    const wakes = control.count('wake hello');
    await until('the back-off to pass', async () => {
      void proxy.get('hello.test').catch(() => undefined);
      await Bun.sleep(20);
      return control.count('wake hello') > wakes;
    });
  });
});
