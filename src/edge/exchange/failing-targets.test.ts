/** Targets that die or misbehave under traffic: what is safe to repeat goes elsewhere, and soon nobody asks them. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { answering, EdgeFixture, eventually, type RawClient } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx';

let fixture: EdgeFixture;
beforeEach(() => {
  fixture = new EdgeFixture({ ejectionMinMs: 40 });
});
afterEach(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  for (const row of [1, 2, 3]) expect(fixture.totals(row)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ clients: 0, exchanges: 0, idleUpstream: 0, watched: 0 });
});

async function ask(client: RawClient, request = GET): Promise<string> {
  client.received = '';
  client.send(request);
  const answer = await client.until((received) => received.endsWith('ok') || received.includes('code:'));
  return answer.slice(9, 12);
}

/** A port where nobody listens any more. */
async function deadPort(): Promise<number> {
  const gone = new EdgeFixture();
  const port = await gone.upstream(() => undefined);
  gone.close();
  return port;
}

test('of two targets one dies under load, and no request is lost', async () => {
  const doomed = new EdgeFixture();
  const dying = await doomed.upstream(answering(OK));
  const clients = await Promise.all(Array.from({ length: 8 }, () => fixture.client()));
  // A kept connection for each: what dies with a fresh one was sent, and is not safe to repeat.
  fixture.serve([dying]);
  await Promise.all(clients.map((client) => ask(client)));
  fixture.serve([dying, await fixture.upstream(answering(OK))]);
  let answered = 0;
  const statuses = new Set<string>();
  const load = clients.map(async (client) => {
    for (let turn = 0; turn < 60; turn++) {
      statuses.add(await ask(client));
      if (++answered === 200) doomed.close();
    }
  });
  await Promise.all(load);
  expect([...statuses]).toEqual(['200']);
  expect(fixture.totals(2).ends).toBeGreaterThan(50);
  expect(fixture.edge.stats().ejections).toBe(1);
  const counted = fixture.edge.takeCounts().find(({ service }) => service === 'app');
  expect(counted?.counts).toMatchObject({ ejections: 1 });
});

test('a target that refuses costs no request, whatever its method, and is left alone after three', async () => {
  fixture.serve([await deadPort(), await fixture.upstream(answering(OK))]);
  const client = await fixture.client();
  for (let turn = 0; turn < 20; turn++) expect(await ask(client, turn % 2 === 0 ? GET : POST)).toBe('200');
  expect(fixture.edge.stats().ejections).toBe(1);
});

test('a kept connection that closes under a request has it repeated on another target', async () => {
  let isDying = false;
  const seen: string[] = [];
  const dying = await fixture.upstream((socket) => {
    socket.on('data', () => {
      seen.push('dying');
      if (isDying) socket.destroy();
      else socket.write(OK);
    });
    socket.on('end', () => socket.end());
  });
  fixture.serve([dying]);
  const client = await fixture.client();
  await ask(client);
  isDying = true;
  const good: string[] = [];
  fixture.serve([dying, await fixture.upstream(answering(OK, good))]);
  while (seen.length < 2) expect(await ask(client)).toBe('200');
  expect(seen).toEqual(['dying', 'dying']);
  expect(good.length).toBeGreaterThan(0);
  expect(fixture.totals(2)).toMatchObject({ inFlight: 0, ends: 2 });
});

test('a target that closes without a word is ejected, and back when it is well', async () => {
  let isIll = true;
  let connections = 0;
  const ill = await fixture.upstream((socket) => {
    connections++;
    if (isIll) socket.destroy();
    else answering(OK)(socket);
  });
  const well: string[] = [];
  fixture.serve([ill, await fixture.upstream(answering(OK, well))]);
  const client = await fixture.client();
  const statuses: string[] = [];
  for (let turn = 0; turn < 30; turn++) statuses.push(await ask(client));
  expect(statuses.filter((status) => status === '502').length).toBeLessThanOrEqual(3);
  expect(statuses.slice(-10)).toEqual(Array(10).fill('200'));
  isIll = false;
  const before = connections;
  await eventually(() => connections > before);
  while (connections < before + 2 && well.length < 1_000) expect(await ask(client)).toBe('200');
});

test('one that does not answer in time is ejected too', async () => {
  fixture.serve([await fixture.upstream(() => undefined), await fixture.upstream(answering(OK))], {
    responseTimeoutMs: 15,
  });
  const client = await fixture.client();
  const statuses: string[] = [];
  while (fixture.edge.stats().ejections === 0) statuses.push(await ask(client));
  expect(statuses.filter((status) => status === '504').length).toBe(3);
  expect(await ask(client)).toBe('200');
  // Idle kept connections would outlive the test's bookkeeping otherwise.
  fixture.shut();
});

test('a sole target is asked however often it fails', async () => {
  let requests = 0;
  fixture.serve([
    await fixture.upstream((socket) => {
      socket.on('data', () => {
        requests++;
        socket.destroy();
      });
    }),
  ]);
  const client = await fixture.client();
  for (let turn = 0; turn < 6; turn++) expect(await ask(client)).toBe('502');
  expect([requests, fixture.edge.stats().ejections]).toEqual([6, 0]);
});

test('behind a closed gate an ejected target is left alone', async () => {
  let connections = 0;
  const ill = await fixture.upstream((socket) => {
    connections++;
    socket.destroy();
  });
  fixture.serve([ill, await fixture.upstream(answering(OK))]);
  const client = await fixture.client();
  while (fixture.edge.stats().ejections === 0) await ask(client);
  fixture.shut();
  const before = connections;
  const patience = performance.now() + 120;
  await eventually(() => performance.now() > patience);
  expect(connections).toBe(before);
  fixture.open();
  await eventually(() => connections > before);
});
