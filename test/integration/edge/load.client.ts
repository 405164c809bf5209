/** What these tests burden the edge with, on Node: many bytes, many connections, broken ones and hostile ones. */
import { createHash, randomBytes } from 'node:crypto';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type ClientCase, runNamedCase } from '../../clients/client-program.ts';

/** A gigabyte to a slow reader, on a busy machine. */
const PATIENCE_MS = 9 * 60_000;
const MEBIBYTE = 1024 * 1024;
const noise = randomBytes(8 * MEBIBYTE);
/** Further numbers of the command line. */
const numbers = process.argv.slice(4).map(Number);

const cases: Readonly<Record<string, ClientCase>> = {
  /** CONNECTIONS BYTES: each echoes so much, in pieces of any size with pauses on both sides. */
  async echoes(address) {
    const [connections = 0, bytes = 0] = numbers;
    const echoes = Array.from({ length: connections }, (_, index) => echo(address, bytes, index));
    const results = await Promise.all(echoes);
    return { same: results.filter(Boolean).length };
  },

  /** BYTES PAUSE: after each megabyte the reader rests for so many milliseconds. */
  async download(address) {
    const [bytes = 0, pauseMs = 0] = numbers;
    const incoming = await openAnswer(`${address}/stream?bytes=${bytes}&stream=${process.pid}`);
    const hash = createHash('sha256');
    // Nothing is taken at first: every buffer on the way fills up.
    if (pauseMs > 0) await rest(1_000);
    let count = 0;
    let since = 0;
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      hash.update(piece);
      count += piece.length;
      since += piece.length;
      if (pauseMs > 0 && since >= MEBIBYTE) {
        since = 0;
        await rest(pauseMs);
      }
    }
    const sent = await textOf(await openAnswer(`${address}/fate?id=${process.pid}`));
    return { bytes: count, isSame: sent === hash.digest('hex') };
  },

  /** BYTES PAUSE: the origin rests after each megabyte that it takes. */
  async upload(address) {
    const [bytes = 0, pauseMs = 0] = numbers;
    const outgoing = request(`${address}/digest?pause=${pauseMs}`, {
      method: 'POST',
      headers: { 'Content-Length': bytes },
    });
    const answer = new Promise<IncomingMessage>((resolve, reject) =>
      outgoing.on('response', resolve).on('error', reject),
    );
    const hash = createHash('sha256');
    for (let left = bytes; left > 0; left -= MEBIBYTE) {
      const piece = noise.subarray(0, Math.min(MEBIBYTE, left));
      hash.update(piece);
      if (!outgoing.write(piece)) await new Promise((resolve) => outgoing.once('drain', resolve));
    }
    outgoing.end();
    const told = JSON.parse(await textOf(await answer));
    return { bytes: told.bytes, isSame: told.sha256 === hash.digest('hex') };
  },

  /** CONNECTIONS: each asks once and stays; says so on standard output, and goes when its input ends. */
  async idle(address) {
    const [connections = 0] = numbers;
    const sockets: Socket[] = [];
    let closed = 0;
    for (let made = 0; made < connections; made += 100) {
      const some = Array.from({ length: 100 }, () => idleConnection(address));
      for (const socket of await Promise.all(some)) {
        sockets.push(socket);
        socket.once('close', () => closed++);
      }
    }
    process.stderr.write('idle\n');
    await new Promise((resolve) => process.stdin.once('end', resolve).resume());
    const answers = await Promise.all(sockets.map((socket) => askOn(socket)));
    return { closed, answered: answers.filter((status) => status === '204').length };
  },

  /** COUNT: connections that break off at random moments in every phase of an exchange. */
  async abrupt(address) {
    const [count = 0] = numbers;
    let left = count;
    const lane = async (): Promise<void> => {
      while (left-- > 0) await breakOff(address);
    };
    await Promise.all(Array.from({ length: 50 }, lane));
    return { done: count };
  },

  /** COUNT: sends a request byte by byte, a byte each second; how long until it was cut off and what it heard. */
  async 'slow heads'(address) {
    const [count = 0] = numbers;
    const head = `GET /${'x'.repeat(1000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
    return Promise.all(Array.from({ length: count }, () => trickle(address, '', head, 1_000)));
  },

  /** COUNT: promises a body and then sends nothing. */
  async 'silent bodies'(address) {
    const [count = 0] = numbers;
    const head = 'POST /digest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nbegin';
    return Promise.all(Array.from({ length: count }, () => trickle(address, head, '', 1_000)));
  },

  /** COUNT: asks for an endless answer and takes nothing of it. */
  async 'deaf readers'(address) {
    const [count = 0] = numbers;
    const deaf = Array.from({ length: count }, async () => {
      const socket = await openSocket(address);
      const startedAt = performance.now();
      socket.write('GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      socket.pause();
      // Who does not read sees a reset only by writing.
      const timer = setInterval(() => socket.write('G'), 1_000);
      await new Promise((resolve) => socket.once('close', resolve));
      clearInterval(timer);
      return { afterMs: performance.now() - startedAt };
    });
    return Promise.all(deaf);
  },
};

function echo(address: string, bytes: number, seed: number): Promise<boolean> {
  const dice = diceOf(seed);
  const headers = seed % 2 === 0 ? { 'Content-Length': bytes } : {};
  const outgoing = request(`${address}/echo?pause=${seed % 7}&every=${100_000 + dice(500_000)}`, {
    method: 'POST',
    headers,
    agent: false,
  });
  const sent = createHash('sha256');
  const received = createHash('sha256');
  const back = new Promise<void>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', async (incoming) => {
      for await (const piece of incoming as AsyncIterable<Buffer>) {
        received.update(piece);
        if (dice(100) === 0) await rest(dice(10));
      }
      resolve();
    });
  });
  const push = async (): Promise<void> => {
    for (let left = bytes; left > 0; ) {
      const length = Math.min(left, 1 + dice(dice(2) === 0 ? 300 : 150_000));
      const from = dice(noise.length - length);
      const piece = noise.subarray(from, from + length);
      sent.update(piece);
      left -= length;
      if (!outgoing.write(piece)) await new Promise((resolve) => outgoing.once('drain', resolve));
      if (dice(50) === 0) await rest(dice(10));
    }
    outgoing.end();
  };
  return Promise.all([push(), back]).then(() => sent.digest('hex') === received.digest('hex'));
}

/** Numbers below a bound, the same for the same seed. */
function diceOf(seed: number): (below: number) => number {
  let state = (seed + 1) * 48_271;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

const throwDice = diceOf(process.pid);

const broken: readonly ((socket: Socket) => void)[] = [
  () => {},
  (socket) => socket.write('GET / HT'),
  (socket) => socket.write('GET /seen HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  (socket) => socket.write('GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  (socket) => socket.write('GET /cut HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  (socket) => socket.write('GET /poll?channel=nobody HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  (socket) => socket.write('POST /digest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n\r\nsome'),
  (socket) =>
    socket.write(
      'POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\nff',
    ),
  (socket) => socket.write('GET /seen HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(20)),
  (socket) =>
    socket.write(
      'GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ),
];

async function breakOff(address: string): Promise<void> {
  const socket = await openSocket(address);
  // The other side may be quicker.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  broken[throwDice(broken.length)]?.(socket);
  if (throwDice(2) === 0) socket.resume();
  await rest(throwDice(20));
  if (throwDice(3) === 0) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

/** Sends `first` at once and `rest` byte by byte; resolves when the connection ends. */
async function trickle(address: string, first: string, bytes: string, everyMs: number): Promise<unknown> {
  const socket = await openSocket(address);
  const startedAt = performance.now();
  let heard = '';
  socket.on('data', (piece) => {
    heard += piece.toString('latin1');
  });
  const ended = new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  socket.write(first);
  let at = 0;
  const timer = setInterval(() => socket.write(bytes.charAt(at++)), everyMs);
  await ended;
  clearInterval(timer);
  socket.destroy();
  return { afterMs: performance.now() - startedAt, status: heard.split(' ')[1] };
}

async function idleConnection(address: string): Promise<Socket> {
  const socket = await openSocket(address);
  await askOn(socket);
  return socket;
}

/** The status of one small answer. */
function askOn(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const hear = (piece: Buffer): void => {
      heard += piece.toString('latin1');
      if (!heard.endsWith('\r\n\r\n')) return;
      socket.off('data', hear);
      resolve(heard.split(' ')[1]);
    };
    socket.on('data', hear);
    socket.once('close', () => reject(new Error('an idle connection was closed')));
    socket.write('GET /status?code=204 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  });
}

function openSocket(address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1', () => {
      // From now on its end is what is tested.
      socket.off('error', reject).on('error', () => socket.destroy());
      resolve(socket);
    });
    socket.on('error', reject);
  });
}

function openAnswer(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { agent: new Agent() }, resolve).on('error', reject));
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

runNamedCase(cases, PATIENCE_MS);
