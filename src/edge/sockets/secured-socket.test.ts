import { afterAll, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { contextOf, makeCertificate } from '../../base/certificate.fixture.ts';
import { Listener } from './listener.ts';
import { asOneEvent, type SocketOwner, type StreamSocket } from './stream-socket.ts';

const context = contextOf(makeCertificate(['a.test']));

class Recorder implements SocketOwner {
  readonly log: string[] = [];
  stream: StreamSocket | null = null;
  onBytes: (bytes: Buffer) => void = () => undefined;
  isSecured = false;
  onOpen(): void {
    this.log.push('open');
  }
  onData(bytes: Buffer): void {
    if (this.isSecured) {
      this.onBytes(bytes);
      return;
    }
    this.isSecured = true;
    const onHandshake = (isDone: boolean): void => void this.log.push(isDone ? 'secured' : 'refused');
    this.stream?.secure({ context, protocol: 'http/1.1', received: bytes, onHandshake });
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

const owners: Recorder[] = [];
const listener = new Listener({ hostname: '127.0.0.1', port: 0 }, (make) => {
  const owner = new Recorder();
  owner.stream = make(owner);
  owners.push(owner);
});
afterAll(() => listener.stop());

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function pair(): Promise<{ owner: Recorder; stream: StreamSocket; peer: TLSSocket }> {
  const count = owners.length;
  const peer = connect({
    ...{ host: '127.0.0.1', port: listener.port, servername: 'a.test', rejectUnauthorized: false },
    ALPNProtocols: ['http/1.1'],
    allowHalfOpen: true,
  } as Parameters<typeof connect>[0]);
  peer.on('error', () => undefined);
  await once(peer, 'secureConnect');
  const owner = owners[count];
  if (owner?.stream === null || owner === undefined) throw new Error('nobody was accepted');
  await eventually(() => owner.log.includes('secured'));
  return { owner, stream: owner.stream, peer };
}

test('speaks the protocol that was chosen, and both ways', async () => {
  const { owner, stream, peer } = await pair();
  expect(peer.alpnProtocol).toBe('http/1.1');
  let heard = '';
  owner.onBytes = (bytes) => {
    heard += bytes.toString();
  };
  peer.write('from the client');
  await eventually(() => heard === 'from the client');
  let answer = '';
  peer.on('data', (bytes: Buffer) => {
    answer += bytes.toString();
  });
  asOneEvent(() => {
    stream.writeText('one ');
    stream.writeText('event');
  });
  await eventually(() => answer === 'one event');
  peer.destroy();
  await eventually(() => owner.log.includes('end'));
  asOneEvent(() => stream.finish());
  await eventually(() => owner.log.some((entry) => entry.startsWith('closed')));
  expect(owner.log.filter((entry) => entry.startsWith('closed')).length).toBe(1);
});

test('keeps what is not taken, says so once, and sends all of it before the end', async () => {
  const { owner, stream, peer } = await pair();
  peer.pause();
  const block = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < block.length; at++) block[at] = (at * 31) & 0xff;
  const sent = createHash('sha256');
  for (let count = 0; count < 32; count++) {
    stream.writeBytes(block);
    sent.update(block);
  }
  stream.shutdown();
  expect(owner.log.filter((entry) => entry === 'clogged').length).toBe(1);
  const received = createHash('sha256');
  let hasEnded = false;
  peer.on('data', (bytes: Buffer) => received.update(bytes));
  peer.on('end', () => {
    hasEnded = true;
  });
  peer.resume();
  await eventually(() => hasEnded);
  expect(received.digest('hex')).toBe(sent.digest('hex'));
  expect(owner.log.filter((entry) => entry === 'writable').length).toBe(1);
  peer.destroy();
});

test('half close goes both ways', async () => {
  const { owner, stream, peer } = await pair();
  let heard = '';
  owner.onBytes = (bytes) => {
    heard += bytes.toString();
  };
  peer.end('last');
  await eventually(() => owner.log.includes('end'));
  expect(heard).toBe('last');
  let answer = '';
  peer.on('data', (bytes: Buffer) => {
    answer += bytes.toString();
  });
  stream.writeText('still here');
  await eventually(() => answer === 'still here');
  stream.shutdown();
  await eventually(() => owner.log.some((entry) => entry.startsWith('closed')));
});

test('a pause stops the peer, and nothing is lost by it', async () => {
  const { owner, stream, peer } = await pair();
  const received = createHash('sha256');
  let count = 0;
  owner.onBytes = (bytes) => {
    received.update(bytes);
    count += bytes.length;
    stream.pause();
    setImmediate(() => asOneEvent(() => stream.resume()));
  };
  const block = Buffer.alloc(8 * 1024 * 1024, 'pattern');
  peer.write(block);
  await eventually(() => count === block.length);
  expect(received.digest('hex')).toBe(createHash('sha256').update(block).digest('hex'));
  peer.destroy();
});

test('a peer that is reset is heard of once', async () => {
  const { owner, peer } = await pair();
  peer.resetAndDestroy();
  await eventually(() => owner.log.some((entry) => entry.startsWith('closed')));
  expect(owner.log.filter((entry) => entry.startsWith('closed')).length).toBe(1);
});

test('destroying it resets the peer', async () => {
  const { owner, stream, peer } = await pair();
  let isReset = false;
  peer.on('error', () => {
    isReset = true;
  });
  asOneEvent(() => stream.destroy());
  await eventually(() => isReset);
  await eventually(() => owner.log.some((entry) => entry.startsWith('closed')));
});

test('what is no handshake is refused', async () => {
  const count = owners.length;
  const peer = connectPlain({ host: '127.0.0.1', port: listener.port });
  peer.on('error', () => undefined);
  peer.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually(() => owners[count]?.log.includes('refused') === true);
  peer.destroy();
  await eventually(() => owners[count]?.log.some((entry) => entry.startsWith('closed')) === true);
});

test('a peer that leaves in the middle of the handshake is heard of', async () => {
  const count = owners.length;
  const peer = connectPlain({ host: '127.0.0.1', port: listener.port });
  peer.on('error', () => undefined);
  peer.write(Buffer.from([22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3]));
  await eventually(() => owners[count]?.isSecured === true);
  peer.destroy();
  await eventually(() => owners[count]?.log.some((entry) => entry.startsWith('closed')) === true);
  expect(owners[count]?.log.filter((entry) => entry.startsWith('closed')).length).toBe(1);
});
