import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { App, ProxyFixture, spec, target, until } from './proxy-fixture.ts';

let proxy: ProxyFixture;
let app: App;
beforeEach(async () => {
  proxy = new ProxyFixture();
  app = new App('one');
  await proxy.start({ workers: 1 });
});
afterEach(async () => {
  app.finish();
  await app.stop();
  await proxy.dispose();
});

const awake = (name: string) => spec(name, { targets: [target('i1', app.port)] });

describe('a control plane that goes away', () => {
  test('leaves awake services serving and gets a report of them when it returns', async () => {
    const first = proxy.link('inst-a', 1, [awake('hello')]);
    await first.hears('answered hello i1');
    first.link.close();
    await until('gone', async () => (await proxy.client.status()).links.length === 0);
    expect((await proxy.get('hello.test')).status).toBe(200);
    const second = proxy.link('inst-a', 2, [awake('hello')]);
    await second.hears('ready');
    expect(second.reports).toMatchObject([
      {
        service: 'hello',
        gate: 'open',
        ends: 1,
        inFlight: 0,
        held: 0,
        targets: [{ id: 'i1', state: 'ready' }],
      },
    ]);
  });

  test('before it signalled a fence has that fence lifted', async () => {
    const control = proxy.link('inst-a', 1, [awake('hello')]);
    await control.hears('answered hello i1');
    expect((await control.link.fence('hello', 0)).kind).toBe('fenced');
    expect((await proxy.client.getService('hello')).gate).toBe('fenced');
    control.link.close();
    await until('lifted', async () => (await proxy.client.getService('hello')).gate === 'open');
    expect((await proxy.get('hello.test')).status).toBe(200);
  });

  test('after it signalled a fence finds requests held until its snapshot', async () => {
    const control = proxy.link('inst-a', 1, [awake('hello')]);
    await control.hears('answered hello i1');
    const fence = await control.link.fence('hello', 0);
    if (fence.kind === 'refused') throw new Error('refused');
    expect(await control.link.signalled('hello', fence.token)).toBe('accepted');
    control.link.close();
    const held = proxy.get('hello.test');
    await until('held', async () => (await proxy.client.getService('hello')).held === 1);
    expect(app.requests).toBe(0);
    const second = proxy.link('inst-a', 2, [awake('hello')]);
    expect((await held).status).toBe(200);
    expect(second.reports[0]).toMatchObject({ gate: 'signalled', held: 1 });
  });

  test('with requests held hears their wake after its next snapshot, not before', async () => {
    const first = proxy.link('inst-a', 1, [spec('hello')]);
    await first.hears('ready');
    first.link.close();
    await until('gone', async () => (await proxy.client.status()).links.length === 0);
    const held = proxy.get('hello.test');
    await until('held', async () => (await proxy.client.getService('hello')).held === 1);
    const second = proxy.link('inst-a', 2, [spec('hello')]);
    await second.hears('wake hello');
    expect(second.heard).toEqual(['ready', 'wake hello']);
    await second.link.publish(awake('hello'));
    expect((await held).status).toBe(200);
  });

  test('makes every call under way fail as unavailable', async () => {
    const control = proxy.link('inst-a', 1, [awake('hello')]);
    await control.hears('answered hello i1');
    const slow = proxy.get('hello.test', '/slow');
    await until('in flight', () => control.activity.get('hello')?.inFlight === 1);
    await control.link.publish(spec('hello'));
    const drained = control.link.drained('hello', 'i1', 60_000);
    control.link.close();
    await expect(drained).rejects.toMatchObject({ code: 'proxy_unavailable' });
    await expect(control.link.publish(spec('hello'))).rejects.toMatchObject({ code: 'proxy_unavailable' });
    app.finish();
    expect((await slow).status).toBe(200);
  });
});

describe('a snapshot', () => {
  test('removes what its owner no longer wants, and nothing of others', async () => {
    const other = proxy.link('inst-b', 1, [spec('theirs')]);
    await other.hears('ready');
    const first = proxy.link('inst-a', 1, [spec('one'), spec('two')]);
    await first.hears('ready');
    first.link.close();
    const second = proxy.link('inst-a', 2, [spec('two')]);
    await second.hears('ready');
    const names = (await proxy.client.listServices()).map(({ name }) => name);
    expect(names.sort()).toEqual(['theirs', 'two']);
    expect((await proxy.get('one.test')).status).toBe(404);
  });

  test('opens a service, but never closes one that has ready targets', async () => {
    const first = proxy.link('inst-a', 1, [awake('hello')]);
    await first.hears('answered hello i1');
    first.link.close();
    const second = proxy.link('inst-a', 2, [spec('hello')]);
    await second.hears('ready');
    expect((await proxy.get('hello.test')).status).toBe(200);
    await second.link.publish(spec('hello'));
    const held = proxy.get('hello.test');
    await second.hears('wake hello');
    await second.link.publish(awake('hello'));
    expect((await held).status).toBe(200);
  });

  test('meets a host conflict in the one service it concerns, and names the owner', async () => {
    const other = proxy.link('inst-b', 1, [spec('theirs', { hosts: ['shared.test'] })]);
    await other.hears('ready');
    const control = proxy.link('inst-a', 1, [spec('mine', { hosts: ['shared.test'] }), spec('fine')]);
    await control.hears('ready');
    expect(control.conflicts).toEqual([
      { service: 'mine', host: 'shared.test', owner: 'service theirs of the installation inst-b' },
    ]);
    expect((await proxy.client.listServices()).map(({ name }) => name).sort()).toEqual(['fine', 'theirs']);
  });

  test('may move a host from one service of its owner to another', async () => {
    const first = proxy.link('inst-a', 1, [spec('one', { hosts: ['shop.test'] }), spec('two')]);
    await first.hears('ready');
    first.link.close();
    const second = proxy.link('inst-a', 2, [
      spec('two', { hosts: ['shop.test'] }),
      spec('one', { hosts: ['old.test'] }),
    ]);
    await second.hears('ready');
    expect(second.conflicts).toEqual([]);
    expect((await proxy.client.getService('two')).hosts).toEqual(['shop.test']);
  });
});

describe('epochs', () => {
  test('an older control plane is refused, a newer one takes the place of the older', async () => {
    const current = proxy.link('inst-a', 5, [spec('hello')]);
    await current.hears('ready');
    const older = proxy.link('inst-a', 4, []);
    await Bun.sleep(50);
    expect(older.heard).toEqual([]);
    older.link.close();
    expect((await proxy.client.listServices()).map(({ name }) => name)).toEqual(['hello']);
    const newer = proxy.link('inst-a', 6, [spec('hello')]);
    await newer.hears('ready');
    await current.hears('disconnected');
    expect((await proxy.client.status()).links).toEqual([{ owner: 'inst-a', epoch: 6, ready: true }]);
  });
});

describe('publishing', () => {
  test('a host of another service is refused by name and changes nothing', async () => {
    const control = proxy.link('inst-a', 1, [spec('one'), spec('two')]);
    await control.hears('ready');
    const taken = control.link.publish(spec('two', { hosts: ['two.test', 'one.test'] }));
    await expect(taken).rejects.toMatchObject({
      code: 'host_taken',
      details: { service: 'two', host: 'one.test', owner: 'service one of the installation inst-a' },
    });
    expect((await proxy.client.getService('two')).hosts).toEqual(['two.test']);
  });

  test('a target that is the proxy itself is refused', async () => {
    const control = proxy.link('inst-a', 1, []);
    await control.hears('ready');
    const loop = control.link.publish(spec('loop', { targets: [target('i1', proxy.port)] }));
    await expect(loop).rejects.toMatchObject({ code: 'target_is_luma' });
    expect(await proxy.client.listServices()).toEqual([]);
  });

  test('new targets take over when they answer, and the old one is drained when its exchange ends', async () => {
    const next = new App('two');
    const control = proxy.link('inst-a', 1, [awake('hello')]);
    await control.hears('answered hello i1');
    const slow = proxy.get('hello.test', '/slow');
    await until('in flight', () => control.activity.get('hello')?.inFlight === 1);
    await control.link.publish(spec('hello', { targets: [target('i1', app.port), target('i2', next.port)] }));
    await control.hears('answered hello i2');
    await control.link.publish(spec('hello', { targets: [target('i2', next.port)] }));
    expect(await (await proxy.get('hello.test')).text()).toBe('two');
    expect(await control.link.drained('hello', 'i1', 20)).toBe(false);
    expect((await proxy.client.getService('hello')).targets).toMatchObject([
      { id: 'i2', state: 'ready', in_flight: 0 },
      { id: 'i1', state: 'draining', in_flight: 1 },
    ]);
    const drained = control.link.drained('hello', 'i1', 5_000);
    app.finish();
    expect(await (await slow).text()).toBe('one');
    expect(await drained).toBe(true);
    await next.stop();
  });

  test('a removed service answers its held requests with 404', async () => {
    const control = proxy.link('inst-a', 1, [spec('hello')]);
    await control.hears('ready');
    const held = proxy.get('hello.test');
    await control.hears('wake hello');
    await control.link.remove('hello');
    expect((await held).status).toBe(404);
    await control.link.remove('hello');
  });

  test('a stopped service answers 503 at once, also those that were held', async () => {
    const control = proxy.link('inst-a', 1, [spec('hello')]);
    await control.hears('ready');
    const held = proxy.get('hello.test');
    await control.hears('wake hello');
    await control.link.publish(spec('hello', { traffic: 'stopped' }));
    expect((await held).status).toBe(503);
    expect((await proxy.get('hello.test')).status).toBe(503);
  });

  test('a target that refuses connections is told to its owner, whose next target gets the request', async () => {
    const gone = new App('gone');
    const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', gone.port)] })]);
    await control.hears('answered hello i1');
    await gone.stop();
    const answer = proxy.get('hello.test');
    await control.hears('refused hello i1');
    await control.link.publish(spec('hello', { targets: [target('i2', app.port)] }));
    expect((await answer).status).toBe(200);
  });
});

test('a message that is no message ends the link and nothing else', async () => {
  const control = proxy.link('inst-a', 1, [awake('hello')]);
  await control.hears('answered hello i1');
  const said: string[] = [];
  const socket = new WebSocket(`ws+unix://${proxy.socketPath}:/v1/link`);
  socket.onopen = () => socket.send('{"type":"publish"}');
  socket.onmessage = ({ data }) => said.push(String(data));
  await new Promise((resolve) => {
    socket.onclose = resolve;
  });
  expect(JSON.parse(said[0]!)).toMatchObject({ type: 'rejected', error: { code: 'link_message_invalid' } });
  expect((await proxy.get('hello.test')).status).toBe(200);
  expect(control.heard).not.toContain('disconnected');
});
