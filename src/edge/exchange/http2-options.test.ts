/** What a service's own options make of requests and answers of HTTP/2, over real sockets: as they do of HTTP/1.1. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ERROR, FRAME, goAwayFrame, numberFrame, PREFACE, settingsFrame } from '../http2/frames.ts';
import type { ServiceRoute } from '../index.ts';
import { answering, EdgeFixture, eventually } from './edge.fixture.ts';
import { FrameClient, GET, headers, POST } from './http2.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let fixture: EdgeFixture;
let client: FrameClient;
let dir: string;
let seen: string[];

async function begin(...settings: ConstructorParameters<typeof EdgeFixture>): Promise<void> {
  fixture = new EdgeFixture(...settings);
  client = await FrameClient.open(fixture.port);
}

async function again(...settings: ConstructorParameters<typeof EdgeFixture>): Promise<void> {
  client.socket.destroy();
  fixture.close();
  await begin(...settings);
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'luma-h2-options-'));
  seen = [];
  await begin();
});

afterEach(async () => {
  client.socket.destroy();
  await eventually(() => fixture.edge.stats().clients === 0);
  expect(fixture.edge.stats()).toMatchObject({ exchanges: 0, held: 0 });
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.bugs).toEqual([]);
  fixture.close();
  rmSync(dir, { recursive: true });
});

async function serve(route: Partial<ServiceRoute>, names: readonly string[] = ['ok']): Promise<void> {
  const ports = await Promise.all(
    names.map((name) => fixture.upstream(answering(OK.replace('ok', name), seen))),
  );
  fixture.serve(ports, route);
}

let nextStream = 1;
beforeEach(() => {
  nextStream = 1;
});

/** One request on the connection, whole. */
async function ask(fields: Readonly<Record<string, string>> = GET, body: string | null = null) {
  const streamId = nextStream;
  nextStream += 2;
  client.head(streamId, fields, body === null);
  if (body !== null) client.data(streamId, body);
  return client.answer(streamId);
}

describe('a limit of the request body over HTTP/2', () => {
  test('refuses a declared length beyond it before any target sees the request', async () => {
    await serve({ maxRequestBodyBytes: 10 });
    const { status, fields } = await ask({ ...POST, 'content-length': '11' }, '01234567890');
    expect([status, fields['x-luma-error']]).toEqual([413, 'body_too_large']);
    expect(seen).toEqual([]);
  });

  test('cuts a body without a declared length where it goes beyond, and the connection goes on', async () => {
    await serve({ maxRequestBodyBytes: 10 });
    expect((await ask(POST, '01234567890')).status).toBe(413);
    expect((await ask(POST, '0123456789')).status).toBe(200);
    expect((await ask()).status).toBe(200);
  });
});

describe('a service that wants requests whole', () => {
  test('opens no connection to its target until the last byte of a stream has come', async () => {
    const connections: Socket[] = [];
    let input = '';
    const port = await fixture.upstream((socket) => {
      connections.push(socket);
      socket.on('data', (bytes: Buffer) => {
        input += bytes.toString('latin1');
        if (input.endsWith('0\r\n\r\n')) socket.write(OK);
      });
    });
    fixture.serve([port], { bufferRequests: true });
    client.head(1, POST, false);
    client.data(1, 'who', false);
    await eventually(() => fixture.edge.stats().exchanges === 1);
    expect([connections.length, fixture.totals().inFlight]).toEqual([0, 0]);
    client.data(1, 'le');
    expect((await client.answer(1)).status).toBe(200);
  });
});

describe('a service whose answers are buffered', () => {
  const MEGABYTE = 1024 * 1024;

  test('has its target done with an answer of which an HTTP/2 client takes nothing', async () => {
    let ended = false;
    const port = await fixture.upstream((socket) => {
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${MEGABYTE}\r\n\r\n${'x'.repeat(MEGABYTE)}`, () => {
          ended = true;
        }),
      );
    });
    fixture.serve([port], { bufferResponses: true });
    client.head(1, GET);
    await eventually(() => ended && fixture.totals(2).inFlight === 0);
    // 64 KB is what the client's window let pass.
    expect(client.of(1, FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0)).toBeLessThan(
      66_000,
    );
    client.window(1, MEGABYTE);
    client.window(0, MEGABYTE);
    expect((await client.answer(1)).body.length).toBe(MEGABYTE);
  });
});

describe('error pages over HTTP/2', () => {
  test('are what people read, and programs that ask for JSON get JSON', async () => {
    const errorPages = join(dir, 'pages.json');
    writeFileSync(errorPages, JSON.stringify({ '503': '<h1>{{ .Message }}</h1>' }));
    fixture.put({ traffic: 'stopped', stopMessage: 'Back at nine.', errorPages });
    const page = await ask({ ...GET, accept: 'text/html' });
    expect([page.status, page.body]).toEqual([503, '<h1>Back at nine.</h1>']);
    const problem = await ask({ ...GET, accept: 'application/json' });
    expect(JSON.parse(problem.body)).toMatchObject({ status: 503, code: 'service_stopped' });
  });
});

describe('forwarded fields over HTTP/2', () => {
  const SAID = { ...GET, 'x-forwarded-for': '9.9.9.9', 'x-forwarded-port': '444' };

  test('of the client are replaced without the option', async () => {
    await serve({});
    await ask(SAID);
    expect(seen[0]).toContain('X-Forwarded-For: 127.0.0.1\r\n');
    expect(seen[0]).not.toMatch(/9\.9\.9\.9|444/);
  });

  test('of the client are appended to with it', async () => {
    await serve({ forwardHeaders: true });
    await ask(SAID);
    expect(seen[0]?.toLowerCase()).toContain('x-forwarded-for: 9.9.9.9, 127.0.0.1\r\n');
    expect(seen[0]?.toLowerCase()).toContain('x-forwarded-port: 444\r\n');
  });

  test('name the client by the header that the service says, of a trusted proxy alone', async () => {
    const named = { ...GET, 'cf-connecting-ip': '203.0.113.7' };
    await serve({ clientIpHeader: 'cf-connecting-ip' });
    await ask(named);
    await again({}, undefined, { trustedProxies: ['127.0.0.1'] });
    nextStream = 1;
    await serve({ clientIpHeader: 'cf-connecting-ip' });
    await ask(named);
    expect(seen[0]).toContain('X-Forwarded-For: 127.0.0.1\r\n');
    expect(seen[1]).toContain('X-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n');
  });
});

test('a target that does not answer in time is 504 for its stream alone', async () => {
  const port = await fixture.upstream((socket) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes.includes('GET /quick')) socket.write(OK);
    });
  });
  fixture.serve([port], { responseTimeoutMs: 30 });
  const slow = ask();
  expect((await ask({ ...GET, ':path': '/quick' })).status).toBe(200);
  const { status, fields } = await slow;
  expect([status, fields['x-luma-error']]).toEqual([504, 'answer_timeout']);
});

test('a canonical host has the streams of others sent there', async () => {
  await serve({ hosts: ['app.test', 'www.app.test'], canonicalHost: 'app.test' });
  const { status, fields } = await ask({ ...GET, ':authority': 'www.app.test', ':path': '/a?b' });
  expect([status, fields['location']]).toEqual([308, 'http://app.test/a?b']);
});

describe('who goes where over HTTP/2', () => {
  const cookieIn = (fields: Readonly<Record<string, string>>): string =>
    String(fields['set-cookie']).split(';')[0]!;

  test('a rollout has its share, and each client stays where its first stream went', async () => {
    const groups = [
      { name: 'new', percent: 50, keys: ['tester'], targetIds: ['instance-1'] },
      { name: 'old', percent: 50, keys: [], targetIds: ['instance-0'] },
    ];
    await serve({ split: { groups, stickyCookie: 'side' } }, ['ol', 'ne']);
    const bodies = new Map<string, number>();
    for (let turn = 0; turn < 20; turn++) {
      const { body, fields } = await ask();
      bodies.set(body, (bodies.get(body) ?? 0) + 1);
      const same = await ask({ ...GET, cookie: cookieIn(fields) });
      expect([same.body, same.fields['set-cookie']]).toEqual([body, undefined]);
    }
    expect(Math.abs((bodies.get('ne') ?? 0) - 10)).toBeLessThanOrEqual(1);
    expect((await ask({ ...GET, cookie: 'side=tester' })).body).toBe('ne');
  });

  test('affinity keeps a client with its target', async () => {
    await serve({ affinityCookie: 'home' }, ['aa', 'bb', 'cc']);
    const { body, fields } = await ask();
    for (let turn = 0; turn < 6; turn++)
      expect((await ask({ ...GET, cookie: cookieIn(fields) })).body).toBe(body);
  });
});

test('a service that is paused holds streams, and lets them through when it goes on', async () => {
  await serve({});
  fixture.shut();
  const [first, second] = [ask(), ask()];
  await eventually(() => fixture.totals(1).held === 2);
  fixture.open();
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
});

test('a service that is stopped answers what is held, and the connection goes on', async () => {
  await serve({});
  fixture.shut();
  const held = ask();
  await eventually(() => fixture.totals(1).held === 1);
  fixture.put({ traffic: 'stopped', stopMessage: 'Back at nine.' });
  const { status, body } = await held;
  expect([status, body]).toEqual([503, expect.stringContaining('Back at nine.')]);
  await serve({});
  expect((await ask()).status).toBe(200);
});

/** More than the preface and what goes with it. */
const HEAD_IS_THERE_BYTES = PREFACE.length + 60;

/** RFC 9113 §6.8 and §8.7: what was not processed may be sent again, whatever its method. */
const GOING: readonly (readonly [string, readonly Buffer[]])[] = [
  ['one that goes away without having seen its stream', [goAwayFrame(0, ERROR.none, '')]],
  ['one that refuses its stream', [numberFrame(FRAME.rstStream, 1, ERROR.refusedStream)]],
];

describe('a target of HTTP/2', () => {
  let server: Http2Server;
  let streams: ServerHttp2Stream[];
  beforeEach(async () => {
    streams = [];
    server = createServer();
    server.on('stream', (stream) => {
      streams.push(stream);
      stream.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    fixture.serve([(server.address() as AddressInfo).port], { targetProtocol: 'h2c' });
  });
  afterEach(() => {
    for (const { session } of streams) session?.destroy();
    server.close();
  });

  test('that goes away answers what it has, and the next stream finds a new session', async () => {
    const first = ask();
    await eventually(() => streams.length === 1);
    const { session } = streams[0]!;
    session?.close();
    const second = ask();
    await eventually(() => streams.length === 2);
    expect(streams[1]?.session).not.toBe(session);
    for (const [index, stream] of streams.entries()) {
      stream.respond({ ':status': 200 });
      stream.end(`answer ${index}`);
    }
    expect([(await first).body, (await second).body]).toEqual(['answer 0', 'answer 1']);
    await eventually(() => session?.destroyed === true);
  });

  test.each(GOING)('%s has its stream again, on a new session', async (_what, frames) => {
    let sessions = 0;
    const port = await fixture.upstream((socket) => {
      socket.write(settingsFrame([]));
      let came = 0;
      socket.on('data', (bytes: Buffer) => {
        if (came > HEAD_IS_THERE_BYTES) return;
        came += bytes.length;
        if (came <= HEAD_IS_THERE_BYTES) return;
        sessions += 1;
        if (sessions === 1) socket.write(Buffer.concat(frames));
        else socket.write(headers(1, { ':status': '200' }));
      });
      socket.on('end', () => socket.end());
    });
    fixture.serve([port], { targetProtocol: 'h2c' });
    const first = ask();
    expect((await first).status).toBe(200);
    expect(sessions).toBe(2);
  });

  test('that answers a PING is waited for, one that does not is given up', async () => {
    await again({ upstreamPingMs: 30, upstreamPongMs: 60 });
    nextStream = 1;
    fixture.serve([(server.address() as AddressInfo).port], { targetProtocol: 'h2c' });
    let pings = 0;
    server.on('session', (session) => session.on('ping', () => pings++));
    const slow = ask();
    await eventually(() => pings >= 3);
    streams[0]?.respond({ ':status': 200 });
    streams[0]?.end('ok');
    expect((await slow).status).toBe(200);
    const mute = await fixture.upstream((socket) => {
      // And then nothing.
      socket.write(settingsFrame([]));
      socket.resume();
    });
    fixture.serve([mute], { targetProtocol: 'h2c' });
    const { status } = await ask();
    expect(status).toBe(502);
  });
});
