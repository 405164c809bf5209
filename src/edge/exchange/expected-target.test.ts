import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { answering, EdgeFixture, eventually, targetOn } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n';
const FAILURE = { code: 'start_failed', message: 'it could not be resumed', retryAfterMs: 1_000 };

let fixture: EdgeFixture;
/** What upstreams of this test have seen. */
let seen: { connections: number; ended: number; heard: string };
beforeEach(() => {
  fixture = new EdgeFixture();
  seen = { connections: 0, ended: 0, heard: '' };
});
afterEach(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ clients: 0, exchanges: 0, held: 0, watched: 0 });
});

/** Accepts as the kernel of a suspended process does, and counts what comes. */
function upstream(): Promise<number> {
  const mine = seen;
  return fixture.upstream((socket) => {
    mine.connections++;
    socket.on('data', (bytes) => {
      mine.heard += bytes.toString();
    });
    socket.on('end', () => mine.ended++);
    answering(OK)(socket);
  });
}

async function heldRequest(): ReturnType<EdgeFixture['client']> {
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => fixture.totals().held === 1);
  return client;
}

const place = (port: number): { id: string; host: string; port: number } => {
  const { id, host } = targetOn(port);
  return { id, host, port };
};

describe('a target that is expected', () => {
  test('is connected to while a request is held, and gets that request on this connection when it is published', async () => {
    const port = await upstream();
    fixture.put({});
    const client = await heldRequest();
    fixture.edge.expect('app', place(port));
    await eventually(() => fixture.reached.length === 1 && seen.connections === 1);
    expect([fixture.reached, seen.heard]).toEqual([['instance-0'], '']);
    fixture.serve([port]);
    expect(await client.untilContains('ok')).toContain('X-Luma-Cold-Start: 1');
    expect([seen.connections, seen.heard.startsWith('GET /x ')]).toEqual([1, true]);
  });

  test('gets not a byte when its thaw fails, and the connection ends', async () => {
    const port = await upstream();
    fixture.put({});
    const client = await heldRequest();
    fixture.edge.expect('app', place(port));
    await eventually(() => seen.connections === 1 && fixture.reached.length === 1);
    fixture.edge.refuse('app', FAILURE);
    expect(await client.untilContains(FAILURE.code)).toStartWith('HTTP/1.1 502 ');
    await eventually(() => seen.ended === 1);
    expect(seen.heard).toBe('');
  });

  test('is left alone where nobody is held, and when who was held has gone', async () => {
    const port = await upstream();
    fixture.put({});
    fixture.edge.expect('app', place(port));
    fixture.edge.expect('nobody', place(port));
    const client = await heldRequest();
    fixture.edge.expect('app', place(port));
    await eventually(() => seen.connections === 1);
    client.socket.destroy();
    await eventually(() => seen.ended === 1);
    expect([seen.connections, seen.heard]).toEqual([1, '']);
  });

  test('is connected to anew when it is published elsewhere, or still has to be asked', async () => {
    const [there, elsewhere] = [await upstream(), await upstream()];
    fixture.put({});
    const client = await heldRequest();
    fixture.edge.expect('app', place(there));
    await eventually(() => fixture.reached.length === 1 && seen.connections === 1);
    fixture.put({ targets: [targetOn(elsewhere, 0, 'starting')] });
    await eventually(() => fixture.answered.length === 1 && seen.connections === 2 && seen.ended === 1);
    expect(seen.heard).toBe('');
    fixture.serve([elsewhere]);
    await client.untilContains('ok');
    expect(seen.connections).toBe(2);
  });

  test('that cannot be reached is nobody’s business', async () => {
    const port = await upstream();
    fixture.put({});
    const client = await heldRequest();
    fixture.edge.expect('app', place(1));
    fixture.serve([port]);
    await client.untilContains('ok');
    expect([fixture.reached, seen.connections]).toEqual([[], 1]);
  });
});
