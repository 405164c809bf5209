import { afterEach, describe, expect, test } from 'bun:test';
import { makeCertificate } from '../../base/certificate.fixture.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { answering, eventually, RawClient } from './edge.fixture.ts';
import { heardFrom, TlsFixture } from './tls.fixture.ts';

let fixture: TlsFixture;
afterEach(() => fixture.close());

const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function serving(more: ConstructorParameters<typeof TlsFixture>[0] = {}): Promise<string[]> {
  fixture = new TlsFixture(more);
  const seen: string[] = [];
  fixture.serve([await fixture.upstream(answering(OK, seen))]);
  fixture.certify('app', ['app.test']);
  return seen;
}

test('a request over TLS is an exchange, and its target hears that it was', async () => {
  const seen = await serving();
  const client = await fixture.connectTls('app.test', { ALPNProtocols: ['http/1.1'] });
  client.write(GET + GET);
  expect(await heardFrom(client, (text) => text.split('ok').length === 3)).toStartWith('HTTP/1.1 200 OK');
  expect([client.alpnProtocol, client.getProtocol()]).toEqual(['http/1.1', 'TLSv1.3']);
  expect(seen[0]).toContain('X-Forwarded-Proto: https\r\n');
  expect(seen[0]).toContain('X-Forwarded-For: 127.0.0.1\r\n');
  expect(fixture.totals()).toEqual({ inFlight: 0, held: 0, ends: 2 });
  expect(fixture.bugs).toEqual([]);
});

test('an https address may be asked for', async () => {
  await serving();
  const client = await fixture.connectTls('app.test');
  client.write('GET https://app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n');
  expect(await heardFrom(client, (text) => text.endsWith('ok'))).toStartWith('HTTP/1.1 200 OK');
});

describe('a handshake is refused', () => {
  const alertOf = (error: unknown): string => (error as { code?: string }).code ?? String(error);

  test('for a name nobody has a certificate for, or none', async () => {
    await serving();
    expect(alertOf(await fixture.connectTls('other.test').catch((error: unknown) => error))).toContain(
      'UNRECOGNIZED_NAME',
    );
    expect(alertOf(await fixture.connectTls(null).catch((error: unknown) => error))).toContain(
      'UNRECOGNIZED_NAME',
    );
    await eventually(() => fixture.edge.stats().clients === 0);
  });

  test('where no protocol is offered that is spoken here', async () => {
    await serving();
    const refused = fixture.connectTls('app.test', { ALPNProtocols: ['spdy/3'] });
    expect(alertOf(await refused.catch((error: unknown) => error))).toContain('NO_APPLICATION_PROTOCOL');
  });

  test('below TLS 1.2', async () => {
    await serving();
    const refused = fixture.connectTls('app.test', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
    expect(await refused.catch((error: unknown) => error)).toBeInstanceOf(Error);
  });

  test('where the certificate cannot be read, and the fault is told', async () => {
    await serving();
    const missing = {
      id: 'gone',
      names: ['gone.test'],
      file: '/nowhere/gone.pem',
      notBefore: 1,
      notAfter: 2,
    };
    fixture.edge.applyCertificates({ put: [missing], remove: [] });
    const refused = fixture.connectTls('gone.test');
    expect(alertOf(await refused.catch((error: unknown) => error))).toContain('INTERNAL_ERROR');
    expect(fixture.bugs.map((bug) => (bug as { code?: string }).code)).toEqual(['ENOENT']);
  });
});

test('the default certificate is for unknown names and for none', async () => {
  await serving();
  fixture.certify('default', [''], makeCertificate(['default.test']));
  for (const name of ['other.test', null]) {
    const client = await fixture.connectTls(name);
    client.write(GET);
    expect(await heardFrom(client, (text) => text.endsWith('ok'))).toStartWith('HTTP/1.1 200 OK');
  }
});

test('a new certificate is shown from its publication on, and running connections go on', async () => {
  await serving();
  const before = await fixture.connectTls('app.test');
  const first = before.getPeerCertificate().fingerprint256;
  fixture.certify('app', ['app.test'], makeCertificate(['app.test']));
  const after = await fixture.connectTls('app.test');
  expect(after.getPeerCertificate().fingerprint256).not.toBe(first);
  before.write(GET);
  expect(await heardFrom(before, (text) => text.endsWith('ok'))).toStartWith('HTTP/1.1 200 OK');
});

test('a renewed certificate that cannot be read leaves the one before', async () => {
  await serving();
  const { file } = fixture.certify('app', ['app.test']);
  const before = await fixture.connectTls('app.test');
  const renewed = { id: 'app', names: ['app.test'], file: `${file}.new`, notBefore: 1, notAfter: 2 };
  fixture.edge.applyCertificates({ put: [renewed], remove: [] });
  const after = await fixture.connectTls('app.test');
  expect(after.getPeerCertificate().fingerprint256).toBe(before.getPeerCertificate().fingerprint256);
  expect(fixture.bugs.length).toBe(1);
});

test('a session is resumed', async () => {
  await serving();
  const first = await fixture.connectTls('app.test', { maxVersion: 'TLSv1.2' });
  const session = first.getSession();
  const again = await fixture.connectTls('app.test', { maxVersion: 'TLSv1.2', session });
  expect(again.isSessionReused()).toBe(true);
});

test('who asks for http:// on this port is told', async () => {
  await serving();
  const client = new RawClient(fixture.tlsPort);
  client.send(GET);
  expect(await client.untilEnd()).toStartWith('HTTP/1.1 400 Bad Request');
});

describe('a connection that does not come to its end is cut', () => {
  test('when its time is over, at whichever byte it stopped', async () => {
    const clock = new ManualClock();
    fixture = new TlsFixture({ sweepMs: 100, tlsHandshakeMs: 1_000 }, clock);
    fixture.certify('app', ['app.test']);
    const silent = new RawClient(fixture.tlsPort);
    const slow = new RawClient(fixture.tlsPort);
    await slow.connected;
    slow.send('\x16\x03\x01\x01\x00');
    await eventually(() => fixture.edge.stats().clients === 2);
    await clock.advance(900);
    expect(fixture.edge.stats().clients).toBe(2);
    await clock.advance(200);
    await Promise.all([silent.untilEnd(), slow.untilEnd()]);
    expect(fixture.edge.stats()).toMatchObject({ clients: 0, watched: 0 });
  });

  test('in the middle of the handshake itself', async () => {
    const clock = new ManualClock();
    fixture = new TlsFixture({ sweepMs: 100, tlsHandshakeMs: 1_000 }, clock);
    const pems = makeCertificate(['app.test']);
    fixture.certify('app', ['app.test'], pems);
    const client = new RawClient(fixture.tlsPort);
    await client.connected;
    client.socket.write(await recordedHello());
    await client.until((text) => text.startsWith('\x16\x03'));
    await clock.advance(1_200);
    await client.untilEnd();
    expect(fixture.edge.stats()).toMatchObject({ clients: 0, watched: 0 });
  });
});

test('connections beyond the cap are closed before any handshake', async () => {
  await serving({ clientConnectionsMax: 1 });
  const first = await fixture.connectTls('app.test');
  await expect(fixture.connectTls('app.test')).rejects.toThrow();
  expect(fixture.edge.stats().turnedAway.byTotal).toBe(1);
  first.destroy();
  await eventually(() => fixture.edge.stats().clients === 0);
});

test('a drain lets the request of a handshake under way have its answer', async () => {
  await serving();
  const client = await fixture.connectTls('app.test');
  const answer = heardFrom(client);
  const drained = fixture.edge.drain(5_000, 1_000);
  client.write(GET);
  expect(await answer).toContain('Connection: close\r\n');
  expect(await drained).toEqual({ cut: 0 });
});

/** A real ClientHello for app.test, of a client that then says nothing. */
async function recordedHello(): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const { connect } = await import('node:tls');
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (bytes: Buffer) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return;
      connect({ host: '127.0.0.1', port: address.port, servername: 'app.test' }).on('error', () => undefined);
    });
  });
}
