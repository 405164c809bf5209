/** What a service's own options make of requests and answers, over real sockets. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomId } from '../../base/random-id.ts';
import type { EdgeSettings, ServiceRoute } from '../index.ts';
import { EdgeFixture, targetOn } from './edge.fixture.ts';

let fixture: EdgeFixture;
let dir: string;
/** All that the targets got. */
let seen = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'luma-options-'));
  seen = '';
  fixture = new EdgeFixture();
});

afterEach(() => {
  fixture.close();
  rmSync(dir, { recursive: true });
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ exchanges: 0, held: 0, watched: 0 });
});

/** Answers every request without a body at once, one with a body when its last chunk has come. */
function app(name: string): (socket: Socket) => void {
  return (socket) => {
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      const isChunked = /transfer-encoding/i.test(seen);
      if (isChunked && !seen.endsWith('0\r\n\r\n')) return;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`);
    });
    socket.on('end', () => socket.end());
  };
}

async function serve(route: Partial<ServiceRoute>, names: readonly string[] = ['one']): Promise<void> {
  const ports = await Promise.all(names.map((name) => fixture.upstream(app(name))));
  fixture.serve(ports, route);
}

/** The whole answer to one request on a connection of its own. */
async function ask(text: string): Promise<string> {
  const client = await fixture.client();
  client.send(`${text.replaceAll('\n', '\r\n')}`);
  await client.untilEnd();
  return client.received;
}

const get = (path: string, more = '', host = 'app.test'): Promise<string> =>
  ask(`GET ${path} HTTP/1.1\nHost: ${host}\nConnection: close\n${more}\n`);

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

function cookieOf(answer: string, name: string): string | null {
  return new RegExp(`Set-Cookie: ${name}=([^;]+);`).exec(answer)?.[1] ?? null;
}

async function restart(settings: Partial<EdgeSettings>): Promise<void> {
  fixture.close();
  fixture = new EdgeFixture({}, undefined, settings);
}

describe('a canonical host', () => {
  const hosts = ['app.test', 'www.app.test'];

  test('has requests for the other hosts sent there, with path, query, port and method', async () => {
    await serve({ hosts, canonicalHost: 'app.test' });
    const answer = await get('/a/b?c=d&e', '', 'www.app.test:8080');
    expect(answer).toStartWith('HTTP/1.1 308 Permanent Redirect\r\n');
    expect(answer).toContain('\r\nLocation: http://app.test:8080/a/b?c=d&e\r\n');
    expect(seen).toBe('');
  });

  test('serves its own, in upper case too', async () => {
    await serve({ hosts, canonicalHost: 'app.test' });
    expect(bodyOf(await get('/', '', 'APP.test'))).toBe('one');
  });

  test('leaves a CA alone that asks whose a host is', async () => {
    await serve({ hosts, canonicalHost: 'app.test' });
    expect(bodyOf(await get('/.well-known/acme-challenge/x', '', 'www.app.test'))).toBe('one');
  });

  test('keeps the scheme that a trusted proxy names', async () => {
    await restart({ trustedProxies: ['127.0.0.1'] });
    await serve({ hosts, canonicalHost: 'app.test' });
    const answer = await get('/', 'X-Forwarded-Proto: https\n', 'www.app.test');
    expect(answer).toContain('\r\nLocation: https://app.test/\r\n');
  });

  test('redirects while the service sleeps, and wakes nobody', async () => {
    fixture.put({ hosts, canonicalHost: 'app.test' });
    expect(await get('/', '', 'www.app.test')).toStartWith('HTTP/1.1 308 ');
    expect(fixture.wakes).toEqual([]);
  });
});

describe('a limit of the request body', () => {
  test('refuses a declared length beyond it before any target sees the request, asleep or awake', async () => {
    await serve({ maxRequestBodyBytes: 10 });
    const answer = await ask('POST / HTTP/1.1\nHost: app.test\nContent-Length: 11\n\n');
    expect(answer).toStartWith('HTTP/1.1 413 Content Too Large\r\n');
    expect(answer).toContain('X-Luma-Error: body_too_large\r\n');
    expect(answer).toContain('Connection: close\r\n');
    expect(seen).toBe('');
  });

  test('lets a body pass that has exactly so much', async () => {
    await serve({ maxRequestBodyBytes: 10 });
    const post = 'POST / HTTP/1.1\nHost: app.test\nConnection: close\nContent-Length: 10\n\n0123456789';
    expect(bodyOf(await ask(post))).toBe('one');
  });

  test('counts what chunks carry, not what is around them', async () => {
    await serve({ maxRequestBodyBytes: 10 });
    const chunks = Array.from('0123456789', (digit) => `1\n${digit}\n`).join('');
    const head = 'POST / HTTP/1.1\nHost: app.test\nConnection: close\nTransfer-Encoding: chunked\n\n';
    expect(bodyOf(await ask(`${head}${chunks}0\n\n`))).toBe('one');
  });

  test('cuts a chunked body where it goes beyond: 413, and the target sees no end of it', async () => {
    await serve({ maxRequestBodyBytes: 10 });
    const head = 'POST / HTTP/1.1\nHost: app.test\nTransfer-Encoding: chunked\n\n';
    const answer = await ask(`${head}8\n01234567\n3\n89a\n0\n\n`);
    expect(answer).toStartWith('HTTP/1.1 413 ');
    expect(seen).not.toContain('89a');
    expect(seen).not.toEndWith('0\r\n\r\n');
  });
});

describe('forwarded headers', () => {
  const said =
    'X-Forwarded-For: 9.9.9.9\nX-Forwarded-Proto: https\nX-Forwarded-Port: 444\nForwarded: for=9.9.9.9\n';

  test('of the client are replaced without the option', async () => {
    await serve({});
    await get('/', said);
    expect(seen).toContain(
      'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: app.test\r\n',
    );
    expect(seen).not.toMatch(/9\.9\.9\.9|444/);
  });

  test('of the client are passed on and appended to with it', async () => {
    await serve({ forwardHeaders: true });
    await get('/', said);
    expect(seen).toContain('X-Forwarded-For: 9.9.9.9, 127.0.0.1\r\nX-Forwarded-Proto: https\r\n');
    expect(seen).toContain('X-Forwarded-Port: 444\r\n');
    expect(seen).toContain('Forwarded: for=9.9.9.9\r\n');
    expect(seen.match(/X-Forwarded-For/g)).toHaveLength(1);
  });

  test('are as ever for a client that sent none', async () => {
    await serve({ forwardHeaders: true });
    await get('/');
    expect(seen).toContain(
      'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: app.test\r\n',
    );
  });
});

describe('a header that names the client', () => {
  const header = 'CF-Connecting-IP: 203.0.113.7\nX-Forwarded-For: 8.8.8.8\n';

  test('is believed of a trusted proxy', async () => {
    await restart({ trustedProxies: ['127.0.0.1'] });
    await serve({ clientIpHeader: 'cf-connecting-ip' });
    await get('/', header);
    expect(seen).toContain('X-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n');
  });

  test('is nobody’s word without one', async () => {
    await serve({ clientIpHeader: 'cf-connecting-ip' });
    await get('/', header);
    expect(seen).toContain('X-Forwarded-For: 127.0.0.1\r\n');
  });

  test('that names no address counts as not sent', async () => {
    await restart({ trustedProxies: ['127.0.0.1'] });
    await serve({ clientIpHeader: 'cf-connecting-ip' });
    await get('/', 'CF-Connecting-IP: unknown\nX-Forwarded-For: 8.8.8.8\n');
    expect(seen).toContain('X-Forwarded-For: 8.8.8.8, 127.0.0.1\r\n');
  });
});

describe('error pages', () => {
  function pages(of: Record<string, string>): string {
    const file = join(dir, `${randomId(8)}.json`);
    writeFileSync(file, JSON.stringify(of));
    return file;
  }

  test('are what people read: that of the status, else that of its class', async () => {
    const errorPages = pages({ '503': '<h1>Back soon</h1>', '4xx': '<h1>No</h1>' });
    fixture.put({ traffic: 'stopped', errorPages, maxRequestBodyBytes: 1 });
    const stopped = await get('/', 'Accept: text/html\n');
    expect(stopped).toStartWith('HTTP/1.1 503 Service Unavailable\r\n');
    expect(stopped).toContain('Content-Type: text/html; charset=utf-8\r\n');
    expect(stopped).toContain('X-Luma-Error: service_stopped\r\n');
    expect(bodyOf(stopped)).toBe('<h1>Back soon</h1>');
    await serve({ errorPages, maxRequestBodyBytes: 1 });
    expect(bodyOf(await ask('POST / HTTP/1.1\nHost: app.test\nContent-Length: 9\n\n'))).toBe('<h1>No</h1>');
  });

  test('say the message of whoever stopped the service, as text', async () => {
    const errorPages = pages({ '503': '<p>{{ .Message }}</p>' });
    fixture.put({ traffic: 'stopped', stopMessage: 'Back at <nine> $&', errorPages });
    expect(bodyOf(await get('/'))).toBe('<p>Back at &lt;nine&gt; $&amp;</p>');
  });

  test('are not for programs that want JSON, nor for statuses without one', async () => {
    fixture.put({ traffic: 'stopped', errorPages: pages({ '503': 'page', '404': 'none' }) });
    expect(JSON.parse(bodyOf(await get('/', 'Accept: application/json\n')))).toMatchObject({ status: 503 });
    fixture.put({ traffic: 'stopped', errorPages: pages({ '404': 'none' }) });
    expect(bodyOf(await get('/'))).toStartWith('503 ');
  });

  test('of an app are its own', async () => {
    const port = await fixture.upstream((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\napp'));
      socket.on('end', () => socket.end());
    });
    fixture.serve([port], { errorPages: pages({ '502': 'page' }) });
    expect(bodyOf(await get('/'))).toBe('app');
  });

  test('that cannot be read leave the edge its own words', async () => {
    fixture.put({ traffic: 'stopped', errorPages: join(dir, 'gone.json') });
    expect(bodyOf(await get('/'))).toStartWith('503 Service Unavailable: ');
    expect(fixture.bugs.splice(0)).toHaveLength(1);
  });
});

describe('a share of the requests', () => {
  const groups = (percent: number, keys: readonly string[] = []) => [
    { name: 'new', percent, keys, targetIds: ['instance-1'] },
    { name: 'old', percent: 100 - percent, keys: [], targetIds: ['instance-0'] },
  ];

  test('goes to its group: 20 of 100, and each client stays where its first request went', async () => {
    await serve({ split: { groups: groups(20), stickyCookie: 'side' } }, ['old', 'new']);
    const counts = { old: 0, new: 0 };
    for (let client = 0; client < 100; client++) {
      const first = await get('/');
      const side = bodyOf(first) as 'old' | 'new';
      counts[side]++;
      const key = cookieOf(first, 'side');
      expect(first).toContain('Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax\r\n');
      if (client % 10 > 0) continue;
      const again = await get('/', `Cookie: a=b; side=${key}\n`);
      expect(bodyOf(again)).toBe(side);
      expect(cookieOf(again, 'side')).toBeNull();
    }
    expect(Math.abs(counts.new - 20)).toBeLessThanOrEqual(2);
  });

  test('has who is on its list, and without a cookie name nobody is marked', async () => {
    await serve({ split: { groups: groups(0, ['ada']), stickyCookie: 'side' } }, ['old', 'new']);
    expect(bodyOf(await get('/', 'Cookie: side=ada\n'))).toBe('new');
    expect(bodyOf(await get('/', 'Cookie: side=bob\n'))).toBe('old');
    await serve({ split: { groups: groups(0), stickyCookie: null } }, ['old', 'new']);
    expect(await get('/')).not.toContain('Set-Cookie');
  });

  test('gives way to the others while none of its targets is ready', async () => {
    const ports = await Promise.all(['old', 'new'].map((name) => fixture.upstream(app(name))));
    const targets = [targetOn(ports[0]!, 0), targetOn(ports[1]!, 1, 'starting')];
    fixture.put({ targets, split: { groups: groups(100), stickyCookie: null } });
    fixture.open();
    expect(bodyOf(await get('/'))).toBe('old');
  });

  test('of a target that refuses is served by the other group', async () => {
    const port = await fixture.upstream(app('old'));
    fixture.put({
      targets: [targetOn(port, 0), targetOn(1, 1)],
      split: { groups: groups(100), stickyCookie: null },
    });
    fixture.open();
    expect(bodyOf(await get('/'))).toBe('old');
  });
});

describe('affinity', () => {
  test('keeps a client with the target that it had first, for as long as that is ready', async () => {
    const ports = await Promise.all(['a', 'b', 'c'].map((name) => fixture.upstream(app(name))));
    fixture.serve(ports, { affinityCookie: 'home' });
    for (let client = 0; client < 5; client++) {
      const first = await get('/');
      const cookie = `Cookie: home=${cookieOf(first, 'home')}\n`;
      for (let more = 0; more < 4; more++) {
        const again = await get('/', cookie);
        expect(bodyOf(again)).toBe(bodyOf(first));
        expect(again).not.toContain('Set-Cookie');
      }
    }
  });

  test('gives a client another home when its target has left', async () => {
    const ports = await Promise.all(['a', 'b'].map((name) => fixture.upstream(app(name))));
    fixture.serve(ports, { affinityCookie: 'home' });
    let first = await get('/');
    while (bodyOf(first) !== 'a') first = await get('/');
    fixture.put({ affinityCookie: 'home', targets: [targetOn(ports[1]!, 1)] });
    fixture.open();
    const again = await get('/', `Cookie: home=${cookieOf(first, 'home')}\n`);
    expect(bodyOf(again)).toBe('b');
    expect(cookieOf(again, 'home')).not.toBe(cookieOf(first, 'home'));
  });

  test('goes before a split', async () => {
    const groups = [
      { name: 'all', percent: 100, keys: [], targetIds: ['instance-0'] },
      { name: 'none', percent: 0, keys: ['tester'], targetIds: ['instance-1'] },
    ];
    await serve({ affinityCookie: 'home', split: { groups, stickyCookie: 'side' } }, ['a', 'b']);
    const first = await get('/', 'Cookie: side=tester\n');
    expect(bodyOf(first)).toBe('b');
    expect(bodyOf(await get('/', `Cookie: home=${cookieOf(first, 'home')}\n`))).toBe('b');
  });
});

test('paths without metrics are served like any other, and not counted', async () => {
  await serve({ excludeMetricsPaths: ['/up'] });
  await get('/up');
  await get('/up/deep');
  await get('/upper');
  const counts = fixture.edge.takeCounts().find(({ service }) => service === 'app')?.counts;
  expect(counts?.['requests GET 2xx']).toBe(1);
});
