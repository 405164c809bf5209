import { afterEach, describe, expect, test } from 'bun:test';
import { makeCertificate } from '../../base/certificate.fixture.ts';
import { answering, eventually } from './edge.fixture.ts';
import { heardFrom, TlsFixture } from './tls.fixture.ts';

let fixture: TlsFixture;
afterEach(() => fixture.close());

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const TOKEN = { kind: 'http-01', host: 'app.test', token: 'abc', keyAuthorization: 'abc.key' } as const;

async function serving(
  tls: { redirect: boolean; hstsSeconds: number } | null,
  answer = OK,
  settings: ConstructorParameters<typeof TlsFixture>[2] = { httpsPort: 443 },
): Promise<string[]> {
  fixture = new TlsFixture({}, undefined, settings);
  const seen: string[] = [];
  fixture.serve([await fixture.upstream(answering(answer, seen))], { tls });
  fixture.certify('app', ['app.test']);
  return seen;
}

async function ask(request: string, end = '\r\n\r\n'): Promise<string> {
  const client = await fixture.client();
  client.send(`${request}\r\nHost: app.test\r\n\r\n`);
  return client.untilContains(end);
}

async function askTls(
  request: string,
  isEnough = (text: string) => text.includes('\r\n\r\n'),
): Promise<string> {
  const client = await fixture.connectTls('app.test', { ALPNProtocols: ['http/1.1'] });
  client.write(`${request}\r\nHost: app.test\r\n\r\n`);
  return heardFrom(client, isEnough);
}

describe('a service with a redirect', () => {
  test('sends plain HTTP on to HTTPS, with everything that was asked for', async () => {
    const seen = await serving({ redirect: true, hstsSeconds: 0 });
    const answer = await ask('POST /a/b?c=%20d HTTP/1.1\r\nContent-Length: 0');
    expect(answer).toStartWith('HTTP/1.1 308 Permanent Redirect\r\n');
    expect(answer).toContain('Location: https://app.test/a/b?c=%20d\r\n');
    expect(answer).not.toContain('Strict-Transport-Security');
    expect([seen, fixture.wakes, fixture.totals().ends]).toEqual([[], [], 0]);
  });

  test('names the port where that is not 443', async () => {
    await serving({ redirect: true, hstsSeconds: 0 }, OK, { httpsPort: 8443 });
    expect(await ask('GET /x HTTP/1.1')).toContain('Location: https://app.test:8443/x\r\n');
  });

  test('names the canonical host at once', async () => {
    await serving({ redirect: true, hstsSeconds: 0 });
    fixture.put({
      hosts: ['app.test', 'www.app.test'],
      canonicalHost: 'www.app.test',
      tls: { redirect: true, hstsSeconds: 0 },
    });
    expect(await ask('GET /x HTTP/1.1')).toContain('Location: https://www.app.test/x\r\n');
  });

  test('serves what came over TLS, and what a trusted proxy took over TLS', async () => {
    const seen = await serving({ redirect: true, hstsSeconds: 0 }, OK, {
      httpsPort: 443,
      trustedProxies: ['127.0.0.1'],
    });
    expect(await askTls('GET / HTTP/1.1')).toStartWith('HTTP/1.1 200');
    expect(await ask('GET / HTTP/1.1\r\nX-Forwarded-Proto: https')).toStartWith('HTTP/1.1 200');
    expect(await ask('GET / HTTP/1.1\r\nX-Forwarded-Proto: http')).toStartWith('HTTP/1.1 308');
    expect(seen.length).toBe(2);
  });

  test('is not redirected where there is no HTTPS', async () => {
    await serving({ redirect: true, hstsSeconds: 0 }, OK, { httpsPort: null });
    expect(await ask('GET / HTTP/1.1')).toStartWith('HTTP/1.1 200');
  });

  test('wakes nobody by it', async () => {
    await serving({ redirect: true, hstsSeconds: 0 });
    fixture.shut();
    expect(await ask('GET / HTTP/1.1')).toStartWith('HTTP/1.1 308');
    expect([fixture.wakes, fixture.totals().held]).toEqual([[], 0]);
  });
});

describe('Strict-Transport-Security', () => {
  test('goes with every answer over HTTPS, and with none over HTTP', async () => {
    await serving({ redirect: false, hstsSeconds: 31_536_000 });
    expect(await askTls('GET / HTTP/1.1')).toContain('Strict-Transport-Security: max-age=31536000\r\n');
    expect(await ask('GET / HTTP/1.1')).not.toContain('Strict-Transport-Security');
  });

  test('goes with what the edge answers itself, too, over HTTPS alone', async () => {
    const hsts = 'Strict-Transport-Security: max-age=60\r\n';
    await serving({ redirect: true, hstsSeconds: 60 });
    expect(await ask('GET / HTTP/1.1')).toStartWith('HTTP/1.1 308 ');
    expect(await ask('GET / HTTP/1.1')).not.toContain('Strict-Transport-Security');
    const tls = { redirect: true, hstsSeconds: 60 };
    fixture.put({ traffic: 'stopped', tls });
    const stopped = await askTls('GET / HTTP/1.1');
    expect(stopped).toStartWith('HTTP/1.1 503 ');
    expect(stopped).toContain(hsts);
    fixture.put({ tls, hosts: ['app.test', 'www.app.test'], canonicalHost: 'www.app.test' });
    const elsewhere = await askTls('GET / HTTP/1.1');
    expect(elsewhere).toStartWith('HTTP/1.1 308 ');
    expect(elsewhere).toContain(hsts);
  });

  test('is left to an app that says it itself', async () => {
    const own = OK.replace('\r\n', '\r\nStrict-Transport-Security: max-age=1\r\n');
    await serving({ redirect: false, hstsSeconds: 31_536_000 }, own);
    const answer = await askTls('GET / HTTP/1.1');
    expect(answer.match(/strict-transport-security/gi)?.length).toBe(1);
    expect(answer).toContain('max-age=1\r\n');
  });
});

describe('the question of a certificate authority', () => {
  const QUESTION = 'GET /.well-known/acme-challenge/abc HTTP/1.1';

  test('is answered before any redirect, and wakes nobody', async () => {
    const seen = await serving({ redirect: true, hstsSeconds: 0 });
    fixture.shut();
    fixture.edge.putChallenge(TOKEN);
    const answer = await ask(QUESTION, 'abc.key');
    expect(answer).toStartWith('HTTP/1.1 200 OK\r\n');
    expect(answer).toContain('Content-Length: 7\r\n');
    expect([seen, fixture.wakes]).toEqual([[], []]);
  });

  test('is answered for a host that no service has, and over TLS', async () => {
    await serving(null);
    fixture.edge.putChallenge({ ...TOKEN, host: 'new.test' });
    const client = await fixture.client();
    client.send(`${QUESTION}\r\nHost: new.test\r\n\r\n`);
    expect(await client.untilContains('abc.key')).toStartWith('HTTP/1.1 200 OK\r\n');
    fixture.edge.putChallenge(TOKEN);
    expect(await askTls(QUESTION, (text) => text.includes('abc.key'))).toStartWith('HTTP/1.1 200 OK\r\n');
  });

  test('with an unknown token is 404 for a service with TLS: never forwarded, never a wake', async () => {
    const seen = await serving({ redirect: true, hstsSeconds: 0 });
    fixture.shut();
    for (const path of ['other', '', 'abc/x', '../x']) {
      const answer = await ask(`GET /.well-known/acme-challenge/${path} HTTP/1.1`);
      expect(answer).toStartWith('HTTP/1.1 404');
      expect(answer).toContain('X-Luma-Error: unknown_challenge');
    }
    expect([seen, fixture.wakes]).toEqual([[], []]);
  });

  test('with an unknown token is forwarded where there is no TLS', async () => {
    const seen = await serving(null);
    fixture.edge.putChallenge({ ...TOKEN, host: 'other.test' });
    expect(await ask(QUESTION)).toStartWith('HTTP/1.1 200 OK\r\n');
    expect(seen.length).toBe(1);
  });

  test('is not answered any more once it is withdrawn', async () => {
    await serving({ redirect: true, hstsSeconds: 0 });
    fixture.edge.putChallenge(TOKEN);
    fixture.edge.withdrawChallenge(TOKEN);
    expect(await ask(QUESTION)).toStartWith('HTTP/1.1 404');
  });

  test('by ALPN is answered by the certificate for it, and by no other protocol', async () => {
    await serving({ redirect: true, hstsSeconds: 0 });
    const pems = makeCertificate(['app.test']);
    const challenge = { kind: 'tls-alpn-01', host: 'app.test', ...pems } as const;
    const asked = { ALPNProtocols: ['acme-tls/1'] };
    await expect(fixture.connectTls('app.test', asked)).rejects.toThrow();
    fixture.edge.putChallenge(challenge);
    const authority = await fixture.connectTls('app.test', asked);
    expect(authority.alpnProtocol).toBe('acme-tls/1');
    const shown = authority.getPeerCertificate().fingerprint256;
    const browser = await fixture.connectTls('app.test', { ALPNProtocols: ['http/1.1'] });
    expect(browser.getPeerCertificate().fingerprint256).not.toBe(shown);
    fixture.edge.withdrawChallenge(challenge);
    await expect(fixture.connectTls('app.test', asked)).rejects.toThrow();
    // One that TLS cannot use fails its own handshake, and is told.
    fixture.edge.putChallenge({ ...challenge, certificatePem: 'nonsense' });
    await expect(fixture.connectTls('app.test', asked)).rejects.toThrow();
    expect(fixture.bugs.length).toBe(1);
    browser.destroy();
    await eventually(() => fixture.edge.stats().clients === 0);
  });
});

describe('behind a load balancer that sends PROXY headers', () => {
  const settings = { usesProxyProtocol: true, trustedProxies: ['127.0.0.1'], connectionsPerAddressMax: 1 };

  test('the client is who it says, whatever TLS follows', async () => {
    const seen = await serving(null, OK, settings);
    const header = 'PROXY TCP4 203.0.113.7 192.0.2.1 5555 443\r\n';
    const client = await fixture.connectTlsAfter(header, 'app.test');
    client.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    expect(await heardFrom(client, (text) => text.endsWith('ok'))).toStartWith('HTTP/1.1 200');
    expect(seen[0]).toContain('X-Forwarded-For: 203.0.113.7\r\n');
    expect(seen[0]).toContain('X-Forwarded-Proto: https\r\n');
    // One connection for each address.
    await expect(fixture.connectTlsAfter(header, 'app.test')).rejects.toThrow();
    expect(fixture.edge.stats().turnedAway.byAddress).toBe(1);
    client.destroy();
    await eventually(() => fixture.edge.stats().clients === 0);
    await fixture.connectTlsAfter(header, 'app.test');
  });

  test('a handshake without one is cut', async () => {
    await serving(null, OK, settings);
    await expect(fixture.connectTls('app.test')).rejects.toThrow();
    expect(fixture.edge.stats().turnedAway.byProxyHeader).toBe(1);
  });
});
