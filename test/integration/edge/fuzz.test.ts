/**
 * A live edge between clients that lie about where their messages end and targets that say too much, too little or
 * nothing: whatever appears at a target was sent by a client, whatever a client gets was said to it, and nothing is left
 * behind. 20 s; 10 minutes with --long. `LUMA_FUZZ_SEED` repeats a run.
 */
import { afterAll, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { EdgeFixture, eventually, RawClient } from '../../../src/edge/exchange/edge.fixture.ts';
import { readWithLlhttp } from '../../../src/edge/http1/llhttp.fixture.ts';

const isLong = process.env['LUMA_TEST_LONG'] === '1';
const runMs = isLong ? 600_000 : 20_000;
const clientCount = 24;
const seed = Number(process.env['LUMA_FUZZ_SEED'] ?? (Date.now() % 1_000_000_007) + 1);

/** xorshift32: the same seed, the same choices. */
class Chance {
  #state: number;

  constructor(from: number) {
    this.#state = from | 1;
  }

  below(bound: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  }
}

const fixture = new EdgeFixture({
  requestHeadMs: 100,
  requestBodyIdleMs: 100,
  answerIdleMs: 100,
  tunnelHalfClosedMs: 50,
  lingerMs: 50,
  keepAliveIdleMs: 500,
  upstreamIdleMs: 200,
});
afterAll(() => fixture.close());

/** What clients meant to say; anything else at a target was smuggled. */
const sent = new Set<string>();
const smuggled: string[] = [];
let seenCount = 0;
let answeredCount = 0;

const EVIL = 'HTTP/1.1 200 OK\r\nX-Is: /evil\r\nContent-Length: 4\r\n\r\nevil';

/** Everything that a proxy or an application may take for the end of a message, or for the start of another. */
const FRAMINGS: readonly ((decoy: string) => string)[] = [
  () => '\r\n',
  (decoy) => `Content-Length: ${decoy.length}\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: chunked\r\n\r\n${decoy.length.toString(16)}\r\n${decoy}\r\n0\r\n\r\n`,
  (decoy) =>
    `Transfer-Encoding: chunked\r\n\r\n${decoy.length.toString(16)};${'a'.repeat(9)}\r\n${decoy}\r\n0\r\nX: 1\r\n\r\n`,
  (decoy) => `Content-Length: ${decoy.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) =>
    `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${decoy.length.toString(16)}\r\n${decoy}\r\n0\r\n\r\n`,
  (decoy) => `Content-Length: 0\r\nContent-Length: ${decoy.length}\r\n\r\n${decoy}`,
  (decoy) => `Content-Length: 0, ${decoy.length}\r\n\r\n${decoy}`,
  (decoy) => `Content-Length: +0\r\n\r\n${decoy}`,
  (decoy) => `Content-Length:\x0b0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) => `X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) => `X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: chunked\r\n\r\n0 0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: chunked\r\n\r\n0\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: chunked\r\n\r\n100000000\r\n\r\n${decoy}`,
  (decoy) => `Transfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n${decoy}`,
  (decoy) => `Expect: 100-continue\r\nContent-Length: ${decoy.length}\r\n\r\n${decoy}`,
  (decoy) => `Connection: Content-Length\r\nContent-Length: ${decoy.length}\r\n\r\n${decoy}`,
  (decoy) =>
    `Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n${decoy.length.toString(16)}\r\n${decoy}\r\n0\r\n\r\n`,
  (decoy) => `Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${decoy.length}\r\n\r\n${decoy}`,
  (decoy) => `Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${decoy.length}\r\n\r\n${decoy}`,
];

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS'];

/** Bytes that make a message invalid or change nothing: put between fields, where no framing stands. */
const NOISE = [
  '',
  '',
  '',
  'A: b\r\n',
  'A: \xff\r\n',
  'A: \0\r\n',
  ': b\r\n',
  'A\r\n',
  'Connection: close\r\n',
  'TE: trailers\r\n',
];

function requestOf(chance: Chance, id: string): string {
  sent.add(id);
  const decoy = `GET /smuggled${id} HTTP/1.1\r\nHost: app.test\r\n\r\n`;
  return `${chance.of(METHODS)} ${id} HTTP/1.1\r\nHost: app.test\r\n${chance.of(NOISE)}${chance.of(FRAMINGS)(decoy)}`;
}

/** Reads what arrives with another parser than the edge's, and answers in every way a target may. */
function serve(chance: Chance): (socket: Socket) => void {
  return (socket) => {
    let input = Buffer.alloc(0);
    let answered = 0;
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      input = Buffer.concat([input, bytes]);
      const { messages, isRejected } = readWithLlhttp('request', input);
      if (isRejected) smuggled.push(`no HTTP: ${JSON.stringify(input.toString('latin1').slice(-200))}`);
      for (const { target } of messages.slice(answered)) {
        seenCount++;
        if (!sent.has(target)) smuggled.push(target);
        say(socket, chance, target);
      }
      answered = messages.length;
      if (messages.length > 50) socket.end();
    });
  };
}

function say(socket: Socket, chance: Chance, target: string): void {
  const head = `HTTP/1.1 200 OK\r\nX-Is: ${target}\r\n`;
  const right = `${head}Content-Length: 2\r\n\r\nok`;
  const choice = chance.below(24);
  if (choice === 0) socket.destroy();
  else if (choice === 1) socket.end();
  else if (choice === 2) socket.end(`${head}Content-Length: 9\r\n\r\nshort`);
  else if (choice === 3) socket.write(`${head}Content-Length: 2\r\n\r\nok${EVIL}`);
  else if (choice === 4) socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${EVIL}`);
  else if (choice === 5)
    socket.write(`${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${EVIL}`);
  else if (choice === 6) socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${right}`);
  else if (choice === 7) socket.write(`HTTP/1.1 204 No Content\r\nX-Is: ${target}\r\n\r\n${EVIL}`);
  else if (choice === 8) socket.write(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n${EVIL}`);
  else if (choice === 9) socket.end(`${head}\r\nuntil the end`);
  else if (choice === 10)
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n${EVIL}`);
  else if (choice === 11) socket.write('HTTP/1.1 200 OK\nX-Is: /evil\n\n');
  else if (choice === 12) return;
  else if (choice < 16) socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\n\r\n`);
  else socket.write(right);
}

/** One client connection: some requests, in pieces, with pauses; then an end of some kind. */
async function talk(chance: Chance, name: string): Promise<void> {
  const client = new RawClient(fixture.port);
  await client.connected;
  const ids = Array.from({ length: 1 + chance.below(4) }, (_, index) => `/${name}-${index}`);
  let text = ids.map((id) => requestOf(chance, id)).join('');
  if (chance.below(4) === 0) text = text.slice(0, chance.below(text.length));
  while (text !== '' && client.ending === null) {
    const piece = chance.below(3) === 0 ? text.length : 1 + chance.below(60);
    client.send(text.slice(0, piece));
    text = text.slice(piece);
    if (chance.below(3) === 0) await turn();
  }
  const answers = 1 + chance.below(ids.length);
  const untilMs = performance.now() + 150;
  while (client.ending === null && performance.now() < untilMs) {
    if (client.received.split('X-Is: ').length > answers) break;
    await turn();
  }
  for (const [, is = ''] of client.received.matchAll(/X-Is: (\S+)/g)) {
    answeredCount++;
    // Behind a 204, an end or an upgrade nobody asked for, what a target says belongs to nobody.
    if (!ids.includes(is)) smuggled.push(`${name} got ${is}`);
  }
  if (chance.below(2) === 0) client.socket.destroy();
  else client.socket.end();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

test(
  `no request that nobody sent, no answer that nobody was given, nothing left behind (seed ${seed})`,
  async () => {
    const targetChance = new Chance(seed * 7);
    const ports = [await fixture.upstream(serve(targetChance)), await fixture.upstream(serve(targetChance))];
    fixture.serve(ports, { responseTimeoutMs: 100 });
    const before = openDescriptors();
    const untilMs = performance.now() + runMs;
    const loops = Array.from({ length: clientCount }, async (_, index) => {
      const chance = new Chance(seed + index * 7_919);
      for (let round = 0; performance.now() < untilMs; round++) {
        await talk(chance, `${index}-${round}`);
      }
    });
    await Promise.all(loops);
    await eventually(() => fixture.edge.stats().clients === 0);
    fixture.shut();
    await eventually(() => openDescriptors() <= before + 4);
    expect(smuggled).toEqual([]);
    expect(fixture.bugs).toEqual([]);
    expect(seenCount).toBeGreaterThan(runMs / 20);
    expect(answeredCount).toBeGreaterThan(runMs / 40);
    for (const row of [1, 2, 3]) expect(fixture.totals(row)).toMatchObject({ inFlight: 0, held: 0 });
    expect(fixture.edge.stats()).toMatchObject({
      clients: 0,
      exchanges: 0,
      held: 0,
      idleUpstream: 0,
      watched: 0,
    });
  },
  runMs + 60_000,
);
