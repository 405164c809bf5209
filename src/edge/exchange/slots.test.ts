/** A target's limit of exchanges over real sockets: who waits, in which order, for how long, and who hears of it. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Socket } from 'node:net';
import type { BoardColumn } from '../board/index.ts';
import type { EdgeLimits } from '../index.ts';
import { EdgeFixture, eventually, type RawClient, targetOn } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** An upstream that answers one request at a time, when it is told to. */
class Slow {
  readonly waiting: { readonly path: string; readonly socket: Socket }[] = [];
  readonly seen: string[] = [];
  most = 0;

  readonly serve = (socket: Socket): void => {
    socket.on('data', (bytes: Buffer) => {
      const path = /^GET (\S+)/.exec(bytes.toString('latin1'))?.[1] ?? '';
      this.seen.push(path);
      this.waiting.push({ path, socket });
      this.most = Math.max(this.most, this.waiting.length);
    });
    socket.on('end', () => socket.end());
  };

  answer(): void {
    this.waiting.shift()?.socket.write(OK);
  }
}

let fixture: EdgeFixture;
let slow: Slow;
let port: number;
/** Of another worker. */
let other: BoardColumn;

beforeEach(() => begin());
afterEach(() => {
  end();
});

function end(): void {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.totals(2)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ clients: 0, exchanges: 0, held: 0, watched: 0 });
}

async function begin(limits: Partial<EdgeLimits> = {}): Promise<void> {
  fixture = new EdgeFixture(limits);
  slow = new Slow();
  port = await fixture.upstream(slow.serve);
  other = fixture.board.column(1);
}

async function ask(path: string): Promise<RawClient> {
  const client = await fixture.client();
  client.send(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
  return client;
}

/** One with the target, the others in the queue behind it. */
async function askInTurn(...paths: readonly string[]): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (const path of paths) {
    clients.push(await ask(path));
    await eventually(() => slow.seen.length + fixture.totals().held >= clients.length);
  }
  return clients;
}

test('who finds no slot waits, counts as held, and goes first come first served', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  const clients = await askInTurn('/1', '/2', '/3', '/4');
  expect(fixture.totals(1)).toMatchObject({ inFlight: 1, held: 3 });
  expect(fixture.totals(2)).toMatchObject({ inFlight: 1 });
  for (const client of clients) {
    await eventually(() => slow.waiting.length > 0);
    slow.answer();
    await client.untilContains('ok');
  }
  expect([slow.seen, slow.most]).toEqual([['/1', '/2', '/3', '/4'], 1]);
  expect(fixture.wakes).toEqual([]);
  expect(fixture.totals().ends).toBe(4);
});

test('a slot is each target’s own', async () => {
  const more = new Slow();
  fixture.serve([port, await fixture.upstream(more.serve)], { targetConcurrency: 2 });
  const clients = await Promise.all(['/1', '/2', '/3', '/4', '/5'].map(ask));
  await eventually(() => slow.waiting.length + more.waiting.length === 4 && fixture.totals().held === 1);
  expect([slow.most, more.most]).toEqual([2, 2]);
  more.answer();
  await eventually(() => more.seen.length === 3);
  for (const one of [slow, slow, more, more]) one.answer();
  for (const client of clients) await client.untilContains('ok');
});

test('whose time is over hears that all are busy, and when to come again', async () => {
  fixture.serve([port], { targetConcurrency: 1, holdTimeoutMs: 30 });
  const [first, second] = await askInTurn('/1', '/2');
  const answer = await second!.untilContains('too_busy');
  expect(answer).toStartWith('HTTP/1.1 503 ');
  expect(answer).toContain('Retry-After: 1\r\n');
  slow.answer();
  await first!.untilContains('ok');
});

test('the queue is bounded as holds are', async () => {
  end();
  await begin({ heldPerServiceMax: 1 });
  fixture.serve([port], { targetConcurrency: 1 });
  const [first, second] = await askInTurn('/1', '/2');
  const third = await ask('/3');
  expect(await third.untilContains('too_many_waiting')).toStartWith('HTTP/1.1 503 ');
  for (const client of [first, second]) {
    await eventually(() => slow.waiting.length > 0);
    slow.answer();
    await client!.untilContains('ok');
  }
});

test('a client that goes away leaves the queue', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  const [first, second, third] = await askInTurn('/1', '/2', '/3');
  second!.socket.destroy();
  await eventually(() => fixture.totals().held === 1);
  slow.answer();
  await first!.untilContains('ok');
  await eventually(() => slow.waiting.length > 0);
  slow.answer();
  await third!.untilContains('ok');
  expect(slow.seen).toEqual(['/1', '/3']);
});

test('one whose client goes away while it is with the target gives its slot on', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  const [first, second] = await askInTurn('/1', '/2');
  first!.socket.destroy();
  await eventually(() => slow.seen.length === 2);
  slow.waiting.shift();
  slow.answer();
  await second!.untilContains('ok');
});

test('a slot that a worker releases without a word is found within 20 ms', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  expect(other.tryEnterLimited(2, fixture.generation, 1)).toBe('entered');
  const client = await ask('/1');
  await eventually(() => fixture.totals().held === 1);
  other.takeBack(2);
  await eventually(() => slow.waiting.length === 1);
  slow.answer();
  await client.untilContains('ok');
});

test('a slot that another worker announces is taken at once', async () => {
  end();
  await begin({ slotLookMs: 1e6 });
  fixture.serve([port], { targetConcurrency: 1 });
  other.tryEnterLimited(2, fixture.generation, 1);
  const client = await ask('/1');
  await eventually(() => fixture.totals().held === 1);
  other.takeBack(2);
  fixture.edge.slotReleased('app');
  await eventually(() => slow.waiting.length === 1);
  slow.answer();
  await client.untilContains('ok');
});

test('while other workers hold requests, a release is announced and theirs to take', async () => {
  end();
  await begin({ slotLookMs: 1e6 });
  fixture.serve([port], { targetConcurrency: 1 });
  const [first, second] = await askInTurn('/1', '/2');
  other.enter(1, fixture.generation);
  other.turnBack(1);
  slow.answer();
  await first!.untilContains('ok');
  expect([fixture.released, fixture.totals(2).inFlight]).toEqual([['app'], 0]);
  fixture.edge.slotReleased('app');
  await eventually(() => slow.waiting.length === 1);
  other.leave(1);
  slow.answer();
  await second!.untilContains('ok');
});

test('a gate that closes over those who wait is woken for them', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  const [first, second] = await askInTurn('/1', '/2');
  fixture.shut();
  await eventually(() => fixture.wakes.length === 1);
  slow.answer();
  await first!.untilContains('ok');
  expect(fixture.totals()).toMatchObject({ held: 1, inFlight: 0 });
  fixture.open();
  await eventually(() => slow.waiting.length === 1);
  slow.answer();
  await second!.untilContains('ok');
});

test('another target, a higher limit, and the end of the service reach those who wait', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  const clients = await askInTurn('/1', '/2', '/3', '/4');
  const more = new Slow();
  const targets = [targetOn(port), targetOn(await fixture.upstream(more.serve), 1)];
  fixture.put({ targetConcurrency: 1, targets });
  await eventually(() => more.seen.length === 1);
  fixture.put({ targetConcurrency: 2, targets });
  await eventually(() => slow.seen.length + more.seen.length === 4);
  const fifth = await ask('/5');
  await eventually(() => fixture.totals().held === 1);
  fixture.edge.apply({ generation: ++fixture.generation, put: [], remove: ['app'] });
  expect(await fifth.untilContains('service_removed')).toStartWith('HTTP/1.1 404');
  for (const one of [slow, slow, more, more]) one.answer();
  for (const client of clients) await client.untilContains('ok');
});

test('those who wait look for a starting target as well, and go when it is ready', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  const [first, second] = await askInTurn('/1', '/2');
  const more = new Slow();
  const newPort = await fixture.upstream(more.serve);
  fixture.put({ targetConcurrency: 1, targets: [targetOn(port), targetOn(newPort, 1, 'starting')] });
  await eventually(() => fixture.answered.length === 1);
  fixture.put({ targetConcurrency: 1, targets: [targetOn(port), targetOn(newPort, 1)] });
  await eventually(() => more.waiting.length === 1);
  more.answer();
  await second!.untilContains('ok');
  slow.answer();
  await first!.untilContains('ok');
});

test('a drain lets those who wait have their turn', async () => {
  fixture.serve([port], { targetConcurrency: 1 });
  const clients = await askInTurn('/1', '/2');
  const drained = fixture.edge.drain(60_000);
  for (const client of clients) {
    await eventually(() => slow.waiting.length > 0);
    slow.answer();
    await client.untilContains('ok');
  }
  expect(await drained).toEqual({ cut: 0 });
});
