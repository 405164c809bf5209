import { expect, test } from 'bun:test';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { readClientHello } from './client-hello.ts';

const MAX = 64 * 1024;

/** What a client of node:tls really sends. */
async function realHello(options: Record<string, unknown>): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const accepted = once(server, 'connection');
  const client = connect({ host: '127.0.0.1', port: address.port, ...options });
  client.on('error', () => undefined);
  const [socket] = await accepted;
  const [bytes] = await once(socket, 'data');
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

const real = await realHello({ servername: 'Shop.Example', ALPNProtocols: ['h2', 'http/1.1'] });

test('reads the name and the protocols of a real client', () => {
  expect(readClientHello(real, MAX)).toEqual({
    kind: 'hello',
    serverName: 'shop.example',
    protocols: ['h2', 'http/1.1'],
  });
});

test('a client may name no host and offer no protocol', async () => {
  expect(readClientHello(await realHello({}), MAX)).toEqual({
    kind: 'hello',
    serverName: null,
    protocols: [],
  });
});

test('however much has come, it is incomplete until all has', () => {
  for (let length = 0; length < real.length; length++)
    expect(readClientHello(real.subarray(0, length), MAX)).toEqual({ kind: 'incomplete' });
});

test('what follows it does not matter', () => {
  const more = Buffer.concat([real, Buffer.from('anything')]);
  expect(readClientHello(more, MAX)).toEqual(readClientHello(real, MAX));
});

test('it may come in any records', () => {
  const message = real.subarray(5);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 40 }), (lengths) => {
      const records: Buffer[] = [];
      let at = 0;
      for (const length of [...lengths, message.length]) {
        const part = message.subarray(at, at + length);
        at += part.length;
        if (part.length > 0)
          records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part);
      }
      expect(readClientHello(Buffer.concat(records), MAX)).toEqual(readClientHello(real, MAX));
    }),
  );
});

test('any changed byte is read as something or rejected, and never throws', () => {
  fc.assert(
    fc.property(fc.nat(real.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(real);
      changed[at] = value;
      expect(['hello', 'incomplete', 'rejected']).toContain(readClientHello(changed, MAX).kind);
    }),
    { numRuns: 2_000 },
  );
});

test('any bytes are read as something or rejected', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const hello = Buffer.concat([Buffer.from([22, 3, 1]), bytes]);
      expect(['hello', 'incomplete', 'rejected']).toContain(readClientHello(hello, MAX).kind);
    }),
    { numRuns: 2_000 },
  );
});

test('a request in the clear is no TLS', () => {
  expect(readClientHello(Buffer.from('GET / HTTP/1.1\r\n'), MAX)).toEqual({ kind: 'rejected', isTls: false });
});

test('one that announces more than the bound is rejected at once', () => {
  const announced = Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x20, 0]);
  expect(readClientHello(announced, 8 * 1024 + 4)).toEqual({ kind: 'incomplete' });
  expect(readClientHello(announced, 8 * 1024 + 3)).toEqual({ kind: 'rejected', isTls: true });
});

test('empty records are rejected: they would never make a message', () => {
  expect(readClientHello(Buffer.from([22, 3, 1, 0, 0]), MAX)).toEqual({ kind: 'rejected', isTls: true });
});
