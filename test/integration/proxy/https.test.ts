/** HTTPS as clients meet it: a real daemon with worker processes, and openssl, curl and node:tls on the other side. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { makeCertificate, type TestCertificate } from '../../../src/base/certificate.fixture.ts';
import { App, ProxyFixture, until } from './proxy-fixture.ts';

const TIME_MS = 40_000;

let proxy: ProxyFixture;
let app: App;
beforeEach(() => {
  proxy = new ProxyFixture();
  app = new App('app');
});
afterEach(async () => {
  await proxy.dispose();
  await app.stop();
});

function write(
  name: string,
  { certificatePem, privateKeyPem }: TestCertificate,
): { cert: string; key: string } {
  const cert = join(proxy.dir, `${name}.crt`);
  const key = join(proxy.dir, `${name}.key`);
  writeFileSync(cert, certificatePem);
  writeFileSync(key, privateKeyPem);
  return { cert, key };
}

function deploy(
  name: string,
  hosts: readonly string[],
  files: { cert: string; key: string },
  redirect = true,
) {
  return proxy.client.deploy(name, {
    hosts: [...hosts],
    targets: [`127.0.0.1:${app.port}`],
    tls: {
      redirect,
      own_certificate: { certificate_path: files.cert, private_key_path: files.key },
    },
  });
}

/** One request over a connection of its own. */
function ask(
  servername: string,
  more: ConnectionOptions = {},
): Promise<{ text: string; fingerprint: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ host: '127.0.0.1', port: proxy.httpsPort, servername, rejectUnauthorized: false },
      ALPNProtocols: ['http/1.1'],
      ...more,
    });
    let text = '';
    let fingerprint = '';
    socket.on('secureConnect', () => {
      fingerprint = socket.getPeerCertificate().fingerprint256;
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
    });
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    socket.on('end', () => socket.end());
    socket.on('error', reject);
    socket.on('close', () => resolve({ text, fingerprint }));
  });
}

async function run(words: readonly string[], input = ''): Promise<{ out: string; code: number }> {
  const child = Bun.spawn([...words], { stdin: Buffer.from(input), stdout: 'pipe', stderr: 'pipe' });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { out: out + err, code: await child.exited };
}

const openssl = (...words: string[]) =>
  run(['openssl', 's_client', '-connect', `127.0.0.1:${proxy.httpsPort}`, ...words], '');

test(
  'curl and openssl find what a deploy brought: versions, ciphers, ALPN, names, the redirect',
  async () => {
    await proxy.start({ workers: 1, httpsPort: 0 });
    const pems = makeCertificate(['shop.test', '*.shop.test']);
    const files = write('shop', pems);
    const deployed = await deploy('shop', ['shop.test', '*.shop.test'], files);
    expect(deployed.service?.deployment?.tls).toMatchObject({ redirect: true });

    const at = ['--resolve', `shop.test:${proxy.httpsPort}:127.0.0.1`, '--cacert', files.cert];
    for (const [flag, version] of [
      ['--http1.1', '1.1'],
      ['--http2', '2'],
    ] as const) {
      const { out, code } = await run([
        ...['curl', '-sS', flag, ...at, '-w', ' %{http_version}', `https://shop.test:${proxy.httpsPort}/`],
      ]);
      expect([out, code]).toEqual([`app ${version}`, 0]);
    }
    expect((await proxy.run('status')).out).toMatch(
      new RegExp(
        `listens on +http://127\\.0\\.0\\.1:${proxy.port}, https://127\\.0\\.0\\.1:${proxy.httpsPort}\\n`,
      ),
    );
    const redirected = await proxy.get('shop.test', '/a?b', { redirect: 'manual' });
    expect(redirected.status).toBe(308);
    expect(redirected.headers.get('location')).toBe(`https://shop.test:${proxy.httpsPort}/a?b`);

    const name = ['-servername', 'a.shop.test'];
    expect((await openssl(...name, '-tls1_3', '-alpn', 'h2')).out).toMatch(/TLSv1.3[\s\S]*ALPN protocol: h2/);
    const strong = await openssl(...name, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256');
    expect(strong.out).toMatch(/Cipher\s+: ECDHE-ECDSA-AES128-GCM-SHA256/);
    const weak = await openssl(...name, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0');
    expect([weak.code, weak.out]).toEqual([1, expect.stringMatching(/alert handshake failure/)]);
    const old = await openssl(...name, '-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0');
    expect([old.code, old.out]).toEqual([1, expect.stringMatching(/alert protocol version/)]);
    for (const words of [['-servername', 'other.test'], ['-noservername']]) {
      const unknown = await openssl(...words);
      expect([unknown.code, unknown.out]).toEqual([
        1,
        expect.stringMatching(/alert number 112|unrecognized name/),
      ]);
    }

    const dir = join(proxy.stateDir, 'certs', 'own');
    const [file = ''] = readdirSync(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
    await proxy.client.remove('shop', undefined);
    expect(readdirSync(dir)).toEqual([]);
    await expect(ask('shop.test')).rejects.toThrow();
  },
  TIME_MS,
);

test(
  'the default certificate is for everybody else, and a wrong one keeps the daemon from starting',
  async () => {
    const { cert, key } = write('default', makeCertificate(['default.test']));
    const more = ['--tls-default-certificate-path', cert, '--tls-default-private-key-path'];
    await expect(proxy.start({ httpsPort: 0, more: [...more, cert] })).rejects.toThrow(
      /default.crt is no private key that can be used[\s\S]*--tls-default-private-key-path/,
    );
    await proxy.start({ workers: 0, httpsPort: 0, more: [...more, key] });
    expect((await ask('anything.test')).text).toStartWith('HTTP/1.1 404');
  },
  TIME_MS,
);

test(
  'a certificate is exchanged under load without one failed handshake, and files that services left go',
  async () => {
    await proxy.start({ workers: 2, httpsPort: 0 });
    await deploy('shop', ['shop.test'], write('a', makeCertificate(['shop.test'])));
    const stop = new AbortController();
    const seen = new Set<string>();
    const load = Array.from({ length: 4 }, async () => {
      let count = 0;
      while (!stop.signal.aborted) {
        const { text, fingerprint } = await ask('shop.test');
        if (!text.startsWith('HTTP/1.1 200')) throw new Error(`not served: ${text}`);
        seen.add(fingerprint);
        count += 1;
      }
      return count;
    });
    for (let round = 0; round < 5; round++)
      await deploy('shop', ['shop.test'], write(`r${round}`, makeCertificate(['shop.test'])));
    const last = (await ask('shop.test')).fingerprint;
    stop.abort();
    const counts = await Promise.all(load);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
    expect(seen.size).toBeGreaterThan(1);
    expect((await ask('shop.test')).fingerprint).toBe(last);
    expect(readdirSync(join(proxy.stateDir, 'certs', 'own'))).toHaveLength(1);
  },
  TIME_MS,
);

describe('under HTTPS load, and nothing is refused, reset or cut,', () => {
  async function lossesDuring(disturb: () => Promise<void>): Promise<{ count: number; losses: string[] }> {
    const stop = new AbortController();
    const losses: string[] = [];
    let count = 0;
    const load = Array.from({ length: 3 }, async () => {
      while (!stop.signal.aborted) {
        const outcome = await ask('shop.test').catch((error: unknown) => ({ text: String(error) }));
        if (outcome.text.startsWith('HTTP/1.1 200')) count += 1;
        else losses.push(outcome.text);
      }
    });
    await disturb();
    stop.abort();
    await Promise.all(load);
    return { count, losses };
  }

  async function begin(): Promise<void> {
    await proxy.start({ workers: 1, httpsPort: 0 });
    await deploy('shop', ['shop.test'], write('a', makeCertificate(['shop.test'])));
  }

  test(
    'a daemon takes over, and one is killed and comes back',
    async () => {
      await begin();
      const port = { workers: 1, port: proxy.port, httpsPort: proxy.httpsPort };
      const { count, losses } = await lossesDuring(async () => {
        const { exited } = await proxy.startAnother(port);
        expect(await exited).toBe(0);
        await proxy.signal('SIGKILL');
        await Bun.sleep(100);
        await proxy.start(port);
      });
      expect(losses).toEqual([]);
      expect(count).toBeGreaterThan(0);
      expect(proxy.httpsPort).toBe(port.httpsPort);
    },
    TIME_MS,
  );

  test(
    'workers are restarted',
    async () => {
      await begin();
      const { losses } = await lossesDuring(() => proxy.client.restartWorkers());
      expect(losses).toEqual([]);
    },
    TIME_MS,
  );
});

test(
  'a thousand clients that go away in the middle of anything, or say nonsense, leave nothing',
  async () => {
    await proxy.start({ workers: 1, httpsPort: 0 });
    await deploy('shop', ['shop.test'], write('a', makeCertificate(['shop.test'])));
    await ask('shop.test');
    const [worker = 0] = proxy.workerPids;
    const filesOf = (): number => readdirSync(`/proc/${worker}/fd`).length;
    const rssMb = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${worker}/status`, 'utf8'))?.[1]) / 1024;
    const before = { files: filesOf(), rss: rssMb() };
    const hello = await clientHello();
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => abandon(hello, batch * 50 + index)));
    }
    await until('every file is closed', () => filesOf() <= before.files);
    expect((await ask('shop.test')).text).toStartWith('HTTP/1.1 200');
    expect(rssMb() - before.rss).toBeLessThan(64);
  },
  TIME_MS,
);

/** Goes away after some bytes of a hello, of a changed hello, of garbage, or in the middle of a handshake. */
function abandon(hello: Buffer, index: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectPlain({ host: '127.0.0.1', port: proxy.httpsPort });
    const bytes = Buffer.from(hello);
    if (index % 4 === 1) bytes[(index * 7) % bytes.length] = index & 0xff;
    if (index % 4 === 2) bytes.fill(index & 0xff, 5 + (index % 50));
    const part = index % 4 === 3 ? bytes : bytes.subarray(0, 1 + ((index * 13) % bytes.length));
    const go = (): void => {
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    };
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('data', go);
    socket.on('connect', () => socket.write(part, () => (index % 4 === 3 ? undefined : setImmediate(go))));
  });
}

/** Of a real client for shop.test. */
async function clientHello(): Promise<Buffer> {
  const { createServer } = await import('node:net');
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
      const { port } = address;
      connect({ host: '127.0.0.1', port, servername: 'shop.test' }).on('error', () => undefined);
    });
  });
}
