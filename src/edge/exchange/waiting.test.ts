import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { QuietRule, ServiceRoute } from '../routing/service-route.ts';
import { answering, EdgeFixture, eventually, targetOn } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = (more = '', method = 'GET'): string => `${method} /x HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`;
const BROWSER = 'Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\n';

let fixture: EdgeFixture;
beforeEach(() => {
  fixture = new EdgeFixture();
});
afterEach(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.totals(2)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ clients: 0, exchanges: 0, held: 0, watched: 0 });
});

/** As a daemon does it: the table says that the target is ready, then the gate opens. */
async function wake(route: Partial<ServiceRoute> = {}): Promise<void> {
  const port = await fixture.upstream(answering(OK));
  fixture.put({ ...route, targets: [targetOn(port, 0, 'starting')] });
  fixture.put({ ...route, targets: [targetOn(port)] });
  fixture.open();
}

describe('with wait mode reject', () => {
  const route = { waitMode: 'reject' } as const;

  test('a request raises the wake and hears 503 while nothing is held any more', async () => {
    fixture.put(route);
    const client = await fixture.client();
    client.send(get());
    const answer = await client.untilContains('code: waking');
    expect(answer).toStartWith('HTTP/1.1 503 ');
    expect(answer).toContain('Retry-After: 1\r\n');
    expect(fixture.wakes).toEqual(['app']);
    expect(fixture.totals()).toEqual({ inFlight: 0, held: 0, ends: 0 });
    await wake(route);
    client.received = '';
    client.send(get());
    expect(await client.untilContains('ok')).not.toContain('X-Luma-Cold-Start');
  });

  test('a request that crosses a fence which is lifted again is served', async () => {
    fixture.close();
    fixture = new EdgeFixture({ waitGraceMs: 60_000 });
    await wake(route);
    fixture.shut();
    const client = await fixture.client();
    client.send(get());
    await eventually(() => fixture.totals().held === 1);
    fixture.open();
    const answer = await client.untilContains('ok');
    expect(answer).toStartWith('HTTP/1.1 200 OK');
    expect(answer).not.toContain('X-Luma-Cold-Start');
  });
});

describe('with wait mode page', () => {
  const route = { waitMode: 'page' } as const;

  test('a browser sees a page that nobody keeps or takes for the app, and the wake is raised', async () => {
    fixture.put(route);
    const client = await fixture.client();
    client.send(get(BROWSER));
    const answer = await client.untilContains('</html>');
    expect(answer).toStartWith(
      'HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\n',
    );
    for (const line of ['Cache-Control: no-store', 'Retry-After: 2', 'X-Luma-Error: waking'])
      expect(answer).toContain(`${line}\r\n`);
    expect(answer).toContain('app is starting');
    expect(answer).not.toMatch(/(?:src|href)=/);
    expect(fixture.wakes).toEqual(['app']);
    const length = Number(/Content-Length: (\d+)/.exec(answer)?.[1]);
    expect(answer.length - answer.indexOf('\r\n\r\n') - 4).toBe(length);
  });

  test('the name of a service is text, whatever it is', async () => {
    fixture.edge.apply({ generation: 1, put: [], remove: [] });
    fixture.put({ ...route, name: '<b>"&' });
    const client = await fixture.client();
    client.send(get(BROWSER));
    const answer = await client.untilContains('</html>');
    expect(answer).toContain('<title>Starting &lt;b&gt;&quot;&amp;</title>');
    expect(answer).not.toContain('<b>');
  });

  const others: [string, string][] = [
    ['a script’s request', get('Accept: application/json\r\n')],
    ['a fetch that takes HTML', get('Accept: text/html\r\nSec-Fetch-Mode: cors\r\n')],
    ['one made by XMLHttpRequest', get(`${BROWSER}X-Requested-With: XMLHttpRequest\r\n`)],
    ['a part of a file', get(`${BROWSER}Range: bytes=0-1\r\n`)],
    ['HEAD, which the page itself sends', get(BROWSER, 'HEAD')],
    ['a form', get(`${BROWSER}Content-Length: 0\r\n`, 'POST')],
    ['a WebSocket', get(`${BROWSER}Connection: Upgrade\r\nUpgrade: websocket\r\n`)],
  ];
  test.each(others)('%s is held, and served when the wake is over', async (_what, request) => {
    fixture.put(route);
    const [client, browser] = [await fixture.client(), await fixture.client()];
    client.send(request);
    await eventually(() => fixture.totals().held === 1);
    browser.send(get(BROWSER));
    await browser.untilContains('is starting');
    expect([fixture.totals().held, client.received]).toEqual([1, '']);
    await wake(route);
    expect(await client.untilContains('\r\n\r\n')).toStartWith('HTTP/1.1 200 OK');
  });
});

describe('an answer says that it is of a cold start', () => {
  const ofWake = /\r\nX-Luma-Cold-Start: 1\r\nServer-Timing: wake;dur=\d+\.\d\r\n/;

  test('where its request was held for a wake, and only then', async () => {
    fixture.put({});
    const client = await fixture.client();
    client.send(get());
    await eventually(() => fixture.totals().held === 1);
    await wake();
    expect(await client.untilContains('ok')).toMatch(ofWake);
    client.received = '';
    client.send(get());
    expect(await client.untilContains('ok')).not.toMatch(/X-Luma-Cold-Start|Server-Timing/);
  });

  test('also a switch to another protocol', async () => {
    fixture.put({});
    const client = await fixture.client();
    client.send(get('Connection: Upgrade\r\nUpgrade: echo\r\n'));
    await eventually(() => fixture.totals().held === 1);
    const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
    const port = await fixture.upstream(answering(upgrade));
    fixture.put({ targets: [targetOn(port)] });
    fixture.open();
    expect(await client.untilContains('\r\n\r\n')).toMatch(ofWake);
    client.socket.destroy();
    await eventually(() => fixture.edge.stats().exchanges === 0);
  });

  test('not where the wake failed', async () => {
    fixture.put({});
    const client = await fixture.client();
    client.send(get());
    await eventually(() => fixture.totals().held === 1);
    fixture.edge.refuse('app', { code: 'image_not_found', message: 'no image', retryAfterMs: 1_000 });
    expect(await client.untilContains('image_not_found')).not.toContain('X-Luma-Cold-Start');
  });
});

describe('a quiet request', () => {
  const rule = (more: Partial<QuietRule>): QuietRule => ({
    path: '/up',
    methods: null,
    userAgent: null,
    client: null,
    answer: { status: 200, body: 'asleep ü' },
    ...more,
  });
  const quietRules = [
    rule({}),
    rule({ path: null, userAgent: 'Bot', answer: { status: 204, body: '' } }),
    rule({ path: '/local', client: '127.0.0.0/8', answer: { status: 418, body: '' } }),
  ];
  const ask = (method = 'GET', path = '/up', more = ''): string =>
    `${method} ${path} HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`;

  test('to a sleeping service has its fixed answer at once, is not held and raises no wake', async () => {
    fixture.put({ quietRules });
    const client = await fixture.client();
    client.send(ask());
    const answer = await client.untilContains('asleep');
    expect(answer).toStartWith(
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 9\r\n',
    );
    expect(answer).toContain('Cache-Control: no-store\r\nX-Luma-Asleep: 1\r\n');
    client.received = '';
    client.send(ask('HEAD'));
    expect(await client.untilContains('\r\n\r\n')).toEndWith('\r\n\r\n');
    client.received = '';
    client.send(ask('GET', '/any', 'User-Agent: a bot/1\r\n'));
    expect(await client.untilContains('\r\n\r\n')).toStartWith('HTTP/1.1 204 No Content\r\nCache-Control');
    client.received = '';
    client.send(ask('GET', '/local'));
    expect(await client.untilContains('\r\n\r\n')).toStartWith('HTTP/1.1 418 ');
    expect(fixture.wakes).toEqual([]);
    expect(fixture.totals()).toEqual({ inFlight: 0, held: 0, ends: 0 });
  });

  test('to a service in use reaches the app, in flight, and ends without an end', async () => {
    const answers: (() => void)[] = [];
    const port = await fixture.upstream((socket) => {
      socket.on('data', () => answers.push(() => socket.write(OK)));
    });
    fixture.serve([port], { quietRules });
    const client = await fixture.client();
    client.send(ask());
    await eventually(() => answers.length === 1);
    expect(fixture.totals()).toEqual({ inFlight: 1, held: 0, ends: 0 });
    answers[0]?.();
    await client.untilContains('ok');
    expect(fixture.totals()).toEqual({ inFlight: 0, held: 0, ends: 0 });
    client.send(ask('GET', '/other'));
    await eventually(() => answers.length === 2);
    answers[1]?.();
    await eventually(() => fixture.totals().ends === 1);
  });

  test('whose client goes away, or whose app does, leaves nothing behind', async () => {
    let connections = 0;
    const port = await fixture.upstream((socket) => {
      connections++;
      if (connections === 2) socket.destroy();
    });
    fixture.serve([port], { quietRules });
    const gone = await fixture.client();
    gone.send(ask());
    await eventually(() => connections === 1);
    gone.socket.destroy();
    await eventually(() => fixture.totals().inFlight === 0);
    const broken = await fixture.client();
    broken.send(ask());
    await broken.untilContains('target_closed');
    expect(fixture.totals()).toEqual({ inFlight: 0, held: 0, ends: 0 });
  });

  test('is no longer passed on when nothing else has used the service for the idle timeout', async () => {
    const sockets: { write(text: string): unknown }[] = [];
    const port = await fixture.upstream((socket) => {
      socket.on('data', () => sockets.push(socket));
    });
    fixture.serve([port], { quietRules, quietAfterMs: 0 });
    const [monitor, person] = [await fixture.client(), await fixture.client()];
    monitor.send(ask());
    await monitor.untilContains('asleep');
    person.send(get());
    await eventually(() => sockets.length === 1);
    monitor.received = '';
    monitor.send(ask());
    await eventually(() => sockets.length === 2);
    sockets[0]?.write(OK);
    await person.untilContains('ok');
    const other = await fixture.client();
    other.send(ask());
    await other.untilContains('asleep');
    sockets[1]?.write(OK);
    await monitor.untilContains('ok');
  });

  test('at a stopped service hears what everybody hears', async () => {
    fixture.put({ quietRules, traffic: 'stopped' });
    const client = await fixture.client();
    client.send(ask());
    expect(await client.untilContains('service_stopped')).toStartWith('HTTP/1.1 503');
  });

  test('whose target refuses has its fixed answer when the gate has closed meanwhile', async () => {
    const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    const { port } = listener;
    listener.stop(true);
    fixture.serve([port], { quietRules });
    const client = await fixture.client();
    client.send(ask());
    await eventually(() => fixture.refused.length === 1);
    fixture.shut();
    await client.untilContains('asleep');
    expect(fixture.wakes).toEqual([]);
  });
});
