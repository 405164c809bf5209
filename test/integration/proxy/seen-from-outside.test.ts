/** What a real luma-proxy says of its traffic: the access log and the metrics, with worker processes. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
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

type Line = Readonly<Record<string, unknown>>;

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{"time"'))
    .map((line) => JSON.parse(line));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

async function awake(): Promise<void> {
  const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
  await control.hears('answered hello i1');
}

describe('the access log', () => {
  test('has a line for each exchange of all workers, whatever became of it', async () => {
    const path = join(proxy.dir, 'access.log');
    await proxy.start({ workers: 2, more: ['--access-log', path] });
    await awake();
    for (let count = 0; count < 20; count++) {
      const headers = { 'User-Agent': 'tester "1"', 'X-Request-ID': `id-${count}` };
      expect((await proxy.get('hello.test', `/x?n=${count}`, { headers })).status).toBe(200);
    }
    await proxy.get('hello.test', '/x', { method: 'POST', body: 'twelve bytes' });
    await proxy.get('nobody.test', '/lost');
    const abort = new AbortController();
    const gone = proxy.get('hello.test', '/slow', { signal: abort.signal });
    await until('the app has it', () => app.requests === 22);
    abort.abort();
    await gone.catch((error: unknown) => expect(abort.signal.aborted && error).toBeTruthy());
    await until('it is over', async () => (await proxy.client.getService('hello')).in_flight === 0);
    expect(await proxy.signal('SIGTERM')).toBe(0);

    const lines = linesOf(readFileSync(path, 'utf8'));
    expect(lines).toHaveLength(23);
    const first = lines.find(({ request_id: id }) => id === 'id-7');
    expect(first).toMatchObject({
      service: 'hello',
      target: 'i1',
      method: 'GET',
      host: 'hello.test',
      path: '/x?n=7',
      status: 200,
      bytes_in: 0,
      bytes_out: 3,
      wake_ms: null,
      client: '127.0.0.1',
      protocol: 'HTTP/1.1',
      user_agent: 'tester "1"',
      quiet: false,
      error: null,
    });
    expect(first?.['duration_ms']).toBeGreaterThan(0);
    expect(lines.find(({ method }) => method === 'POST')).toMatchObject({ bytes_in: 12, status: 200 });
    const lost = { service: null, target: null, status: 404, path: '/lost', error: 'unknown_host' };
    expect(lines.find(({ host }) => host === 'nobody.test')).toMatchObject(lost);
    const slow = { status: 499, error: 'client_gone', target: 'i1', client: '127.0.0.1' };
    expect(lines.find(({ path }) => path === '/slow')).toMatchObject(slow);
  });

  test('says how long a request was held for a wake, and which were quiet', async () => {
    const path = join(proxy.dir, 'access.log');
    await proxy.start({ workers: 1, more: ['--access-log', path] });
    const answer = { status: 200, body: 'asleep' };
    const rule = { path: '/up', methods: null, userAgent: null, client: null, answer };
    const asleep = spec('hello', { quietRules: [rule] });
    const control = proxy.link('inst-a', 1, [asleep]);
    await control.hears('ready');
    expect(await (await proxy.get('hello.test', '/up')).text()).toBe('asleep');
    control.onWakeDo = () => void control.link.publish({ ...asleep, targets: [target('i1', app.port)] });
    const woken = await proxy.get('hello.test');
    expect(woken.headers.get('x-luma-cold-start')).toBe('1');
    await proxy.signal('SIGTERM');
    const [quiet, held] = linesOf(readFileSync(path, 'utf8'));
    expect(quiet).toMatchObject({ path: '/up', quiet: true, status: 200, target: null, wake_ms: null });
    expect(held).toMatchObject({ path: '/', quiet: false, status: 200, target: 'i1' });
    expect(held?.['wake_ms']).toBeGreaterThan(0);
  });

  test('goes on in a new file when the old one was renamed', async () => {
    const path = join(proxy.dir, 'access.log');
    await proxy.start({ workers: 1, more: ['--access-log', path] });
    await awake();
    await proxy.get('hello.test', '/before');
    await until('it is written', () => readFileSync(path, 'utf8').includes('/before'));
    renameSync(path, `${path}.1`);
    await proxy.get('hello.test', '/after');
    await proxy.signal('SIGTERM');
    expect(linesOf(readFileSync(`${path}.1`, 'utf8')).map((line) => line['path'])).toEqual(['/before']);
    expect(linesOf(readFileSync(path, 'utf8')).map((line) => line['path'])).toEqual(['/after']);
  });

  test.each([0, 2])('goes to stdout where that is asked for, with %d workers', async (workers) => {
    await proxy.start({ workers, more: ['--access-log', '-'] });
    await awake();
    for (let count = 0; count < 10; count++) await proxy.get('hello.test', `/${count}`);
    await until('all is written', () => linesOf(proxy.said).length === 10);
    await proxy.signal('SIGTERM');
  });

  test('at a place that cannot be written to is an error at the start that names it', async () => {
    const path = join(proxy.dir, 'no', 'such', 'dir', 'access.log');
    await expect(proxy.start({ more: ['--access-log', path] })).rejects.toThrow(path);
  });
});

/** Value of the one sample that begins so. */
function sample(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

const scrape = async (): Promise<string> => {
  const answer = await fetch('http://luma-proxy/v1/metrics', { unix: proxy.socketPath });
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return answer.text();
};

const REQUESTS = 'luma_proxy_requests_total{service="hello",method="GET",status="2xx"}';

describe('the metrics', () => {
  test.each([0, 2])('add up what %d workers count, and show what is now', async (workers) => {
    await proxy.start({ workers });
    await awake();
    for (let count = 0; count < 30; count++) await proxy.get('hello.test');
    await proxy.get('nobody.test');
    const slow = proxy.get('hello.test', '/slow');
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
    await until('counted', async () => sample(await scrape(), REQUESTS) === 30);
    const text = await scrape();
    expect(sample(text, 'luma_proxy_in_flight{service="hello"}')).toBe(1);
    expect(sample(text, 'luma_proxy_held{service="hello"}')).toBe(0);
    expect(sample(text, 'luma_proxy_request_duration_seconds_count{service="hello"}')).toBe(30);
    expect(sample(text, 'luma_proxy_request_duration_seconds_bucket{service="hello",le="+Inf"}')).toBe(30);
    expect(sample(text, 'luma_proxy_sent_bytes_total{service="hello"}')).toBe(90);
    expect(sample(text, 'luma_proxy_failures_total{service="",code="unknown_host"}')).toBe(1);
    expect(sample(text, 'luma_proxy_connections_total')).toBeGreaterThanOrEqual(32);
    expect(sample(text, 'luma_proxy_workers{state="serving"}')).toBe(Math.max(1, workers));
    app.finish();
    await slow;
    await until('it too', async () => sample(await scrape(), REQUESTS) === 31);
  });

  test('count nothing twice and lose at most a second when workers die or are replaced', async () => {
    await proxy.start({ workers: 1 });
    await awake();
    for (let count = 0; count < 10; count++) await proxy.get('hello.test');
    await until('counted', async () => sample(await scrape(), REQUESTS) === 10);
    const [pid = 0] = proxy.workerPids;
    process.kill(pid, 'SIGKILL');
    await until('another serves', async () => {
      const { workers } = await proxy.client.status();
      return workers.some((worker) => worker.pid !== pid && worker.state === 'serving');
    });
    for (let count = 0; count < 5; count++) await proxy.get('hello.test');
    // The last ones of a worker that ends in order are said before it goes.
    await proxy.client.restartWorkers();
    await until('all of both', async () => sample(await scrape(), REQUESTS) === 15);
    const text = await scrape();
    expect(sample(text, 'luma_proxy_worker_restarts_total')).toBe(1);
    expect(sample(text, 'luma_proxy_connections')).toBe(0);
  });

  test('forget a service that was removed', async () => {
    await proxy.start({ workers: 1 });
    const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
    await control.hears('answered hello i1');
    await proxy.get('hello.test');
    await until('counted', async () => sample(await scrape(), REQUESTS) === 1);
    await control.link.remove('hello');
    expect(await scrape()).not.toContain('service="hello"');
  });

  test('are on a loopback port where that is asked for, and pass to the next daemon', async () => {
    const metricsPort = await freePort();
    const more = ['--metrics-port', String(metricsPort)];
    const url = `http://127.0.0.1:${metricsPort}/metrics`;
    await proxy.start({ workers: 1, more });
    await awake();
    expect(await (await fetch(url)).text()).toContain('luma_proxy_in_flight{service="hello"} 0');
    expect((await fetch(`http://127.0.0.1:${metricsPort}/`)).status).toBe(404);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    expect((await fetch(url, { headers: { Host: 'evil.example' } })).status).toBe(421);
    const { exited } = await proxy.startAnother({ workers: 1, port: proxy.port, more });
    expect(await exited).toBe(0);
    expect((await fetch(url)).status).toBe(200);
  });

  test('are nowhere else', async () => {
    await proxy.start({ workers: 1 });
    expect((await proxy.get('any.test', '/metrics')).status).toBe(404);
    const port = await freePort();
    const taken = createServer().listen(port, '127.0.0.1');
    const another = new ProxyFixture();
    await expect(another.start({ more: ['--metrics-port', String(port)] })).rejects.toThrow('--metrics-port');
    await another.dispose();
    await new Promise((closed) => taken.close(closed));
  });
});
