import { expect, test } from 'bun:test';
import { createServer, type Socket } from 'node:net';
import { Listener } from './listener.ts';
import { asOneEvent, type SocketOwner, StreamSocket } from './stream-socket.ts';

class Recorder implements SocketOwner {
  readonly log: string[] = [];
  readonly data: Buffer[] = [];
  onDataHook: () => void = () => undefined;
  onOpen(): void {
    this.log.push('open');
  }
  onData(bytes: Buffer): void {
    this.data.push(bytes);
    this.onDataHook();
  }
  onClogged(): void {
    this.log.push('clogged');
  }
  onWritable(): void {
    this.log.push('writable');
  }
  onPeerEnd(): void {
    this.log.push('end');
  }
  onClosed(reason: string | null): void {
    this.log.push(reason === null ? 'closed' : `closed ${reason}`);
  }
  onBug(error: unknown): void {
    this.log.push(`bug ${String(error)}`);
  }
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A pair over loopback: our wrapper and a plain peer. */
async function pair(): Promise<{ stream: StreamSocket; owner: Recorder; peer: Socket; close: () => void }> {
  const owner = new Recorder();
  let peer: Socket | undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    peer = socket;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const stream = StreamSocket.dial(owner, '127.0.0.1', address.port);
  await eventually(() => peer !== undefined && owner.log.includes('open'));
  if (peer === undefined) throw new Error('nobody connected');
  const connected = peer;
  const close = (): void => {
    stream.destroy();
    connected.destroy();
    server.close();
  };
  return { stream, owner, peer: connected, close };
}

test('writes of one event leave together, in order', async () => {
  const { stream, peer, close } = await pair();
  const chunks: string[] = [];
  peer.on('data', (bytes) => chunks.push(bytes.toString()));
  asOneEvent(() => {
    stream.writeText('head ');
    stream.writeBytes(Buffer.from('..body..'), 2, 6);
  });
  await eventually(() => chunks.join('').length === 9);
  expect(chunks).toEqual(['head body']);
  close();
});

test('writes to two sockets in one event do not mix', async () => {
  const one = await pair();
  const two = await pair();
  let first = '';
  let second = '';
  one.peer.on('data', (bytes) => {
    first += bytes.toString();
  });
  two.peer.on('data', (bytes) => {
    second += bytes.toString();
  });
  asOneEvent(() => {
    one.stream.writeText('a');
    two.stream.writeText('b');
    one.stream.writeText('c');
  });
  await eventually(() => first.length === 2 && second.length === 1);
  expect([first, second]).toEqual(['ac', 'b']);
  one.close();
  two.close();
});

test('keeps what the kernel does not take, says so once, and sends all of it before FIN', async () => {
  const { stream, owner, peer, close } = await pair();
  peer.pause();
  const block = Buffer.alloc(1024 * 1024, 7);
  for (let count = 0; count < 16; count++) stream.writeBytes(block);
  stream.shutdown();
  expect(owner.log.filter((entry) => entry === 'clogged').length).toBe(1);
  expect(stream.backlogBytes).toBeGreaterThan(0);
  let received = 0;
  let hasEnded = false;
  peer.on('data', (bytes) => {
    received += bytes.length;
  });
  peer.on('end', () => {
    hasEnded = true;
  });
  peer.resume();
  await eventually(() => hasEnded);
  expect(received).toBe(16 * block.length);
  expect(owner.log.filter((entry) => entry === 'writable').length).toBe(1);
  close();
});

test('half close goes both ways', async () => {
  const { stream, owner, peer, close } = await pair();
  peer.end('last');
  await eventually(() => owner.log.includes('end'));
  expect(Buffer.concat(owner.data).toString()).toBe('last');
  let heard = '';
  peer.on('data', (bytes) => {
    heard += bytes.toString();
  });
  stream.writeText('still here');
  await eventually(() => heard === 'still here');
  close();
});

test('a refused connection closes once, with its reason', async () => {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  const owner = new Recorder();
  StreamSocket.dial(owner, '127.0.0.1', port);
  await eventually(() => owner.log.length > 0);
  expect(owner.log).toEqual(['closed ECONNREFUSED']);
});

test('giving up a connect is heard at once, and the socket never opens', async () => {
  const owner = new Recorder();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const hasClosed = new Promise<void>((resolve) =>
    server.once('connection', (socket) => socket.once('close', () => resolve()).on('error', () => undefined)),
  );
  StreamSocket.dial(owner, '127.0.0.1', address.port).destroy();
  expect(owner.log).toEqual(['closed abandoned']);
  await hasClosed;
  expect(owner.log).toEqual(['closed abandoned']);
  server.close();
});

test('a bug in a handler closes that connection and no other', async () => {
  const owners: Recorder[] = [];
  const listener = new Listener({ hostname: '127.0.0.1', port: 0 }, (make) => {
    const owner = new Recorder();
    owner.onDataHook = () => {
      if (owner.data.join('') === 'bad') throw new Error('a bug');
    };
    owners.push(owner);
    make(owner);
  });
  const good = new Recorder();
  const bad = new Recorder();
  const goodStream = StreamSocket.dial(good, '127.0.0.1', listener.port);
  const badStream = StreamSocket.dial(bad, '127.0.0.1', listener.port);
  await eventually(() => owners.length === 2 && good.log.length === 1 && bad.log.length === 1);
  badStream.writeText('bad');
  await eventually(() => bad.log.length > 1);
  goodStream.writeText('good');
  await eventually(() => owners.some((owner) => owner.data.join('') === 'good'));
  expect(owners.flatMap((owner) => owner.log).filter((entry) => entry.startsWith('bug'))).toEqual([
    'bug Error: a bug',
  ]);
  goodStream.destroy();
  listener.stop();
});

async function relay(): Promise<{ left: Pair; right: Pair; close: () => void }> {
  const left = await pair();
  const right = await pair();
  left.stream.relayWith(right.stream);
  const close = (): void => {
    left.close();
    right.close();
  };
  return { left, right, close };
}

type Pair = Awaited<ReturnType<typeof pair>>;

function heardBy(peer: Socket): () => string {
  let heard = '';
  peer.on('data', (bytes) => {
    heard += bytes.toString();
  });
  return () => heard;
}

test('two that relay pass on what comes past their owners, and count it', async () => {
  const { left, right, close } = await relay();
  const heardLeft = heardBy(left.peer);
  const heardRight = heardBy(right.peer);
  left.peer.write('up');
  right.peer.write('down!');
  await eventually(() => heardRight() === 'up' && heardLeft() === 'down!');
  expect([...left.owner.data, ...right.owner.data]).toEqual([]);
  expect([left.stream.relayedInBytes, left.stream.relayedOutBytes]).toEqual([2, 5]);
  expect([right.stream.relayedInBytes, right.stream.relayedOutBytes]).toEqual([5, 2]);
  close();
});

test('what a relay brings comes after what was written before', async () => {
  const { left, right, close } = await relay();
  const heard = heardBy(right.peer);
  asOneEvent(() => {
    right.stream.writeText('first ');
    left.stream.received(Buffer.from('second'));
  });
  await eventually(() => heard().length === 12);
  expect(heard()).toBe('first second');
  close();
});

test('what the other side of a relay does not take is owed, and what comes then is for the owner', async () => {
  const { left, right, close } = await relay();
  right.peer.pause();
  const pieceBytes = 1024 * 1024;
  let relayed = 0;
  while (right.stream.backlogBytes === 0) {
    left.stream.received(Buffer.alloc(pieceBytes, 'x'));
    relayed += pieceBytes;
  }
  expect(right.owner.log.filter((entry) => entry === 'clogged')).toHaveLength(1);
  left.stream.received(Buffer.from('later'));
  expect(left.owner.data.map(String)).toEqual(['later']);
  expect(left.stream.relayedInBytes).toBe(relayed);
  let received = 0;
  right.peer.on('data', (bytes) => {
    received += bytes.length;
  });
  right.peer.resume();
  await eventually(() => received === relayed && right.owner.log.includes('writable'));
  const heard = heardBy(right.peer);
  left.peer.write('again');
  await eventually(() => heard() === 'again');
  close();
});

test('once a side of a relay has ended, the owners hear of everything again', async () => {
  const { left, right, close } = await relay();
  right.peer.end();
  await eventually(() => right.owner.log.includes('end'));
  left.peer.write('still');
  await eventually(() => left.owner.data.length > 0);
  expect(left.owner.data.map(String)).toEqual(['still']);
  close();
});

test('a relay does not outlive the socket of the other side', async () => {
  const { left, right, close } = await relay();
  right.stream.destroy();
  left.peer.write('to nobody');
  await eventually(() => left.owner.data.length > 0);
  expect(left.owner.data.map(String)).toEqual(['to nobody']);
  close();
});

test('what was received and is written on arrives whole, also behind a backlog', async () => {
  const { stream, owner, peer, close } = await pair();
  peer.pause();
  const piece = (): Buffer => Buffer.alloc(512 * 1024, 'abcdefgh');
  let count = 0;
  const pieces: Buffer[] = [];
  while (stream.backlogBytes === 0 || count < 20) {
    const bytes = piece();
    pieces.push(bytes);
    stream.writeReceived(bytes);
    count++;
  }
  expect(pieces.map((bytes) => bytes.length)).toEqual(Array(count).fill(0));
  const heard = heardBy(peer);
  peer.resume();
  await eventually(() => heard().length === count * piece().length && owner.log.includes('writable'));
  expect(heard()).toBe(piece().toString().repeat(count));
  close();
});
