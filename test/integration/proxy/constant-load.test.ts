/**
 * Nothing fails while everything changes: deploys of alternating targets, take-overs of the daemon, and restarts of a real
 * `luma server` by kill -9 and SIGTERM by turns, under HTTP/1.1 and HTTP/2, in the clear and over TLS. Short in every run;
 * a hundred deploys, 20 take-overs and 20 restarts with LUMA_TEST_LONG=1.
 */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from '../../../src/base/certificate.fixture.ts';
import { Luma } from '../../e2e/luma.ts';
import { KeptLoad } from './kept-load.ts';
import { App, ProxyFixture, until } from './proxy-fixture.ts';
import { StreamLoad } from './stream-load.ts';

const isLong = process.env['LUMA_TEST_LONG'] === '1';
const DEPLOYS = isLong ? 100 : 10;
/** Of the daemon, and of the control plane. */
const RESTARTS = isLong ? 20 : 2;
const TIMEOUT_MS = isLong ? 600_000 : 60_000;

let proxy: ProxyFixture;
let apps: App[];
let luma: Luma | undefined;
beforeEach(() => {
  proxy = new ProxyFixture();
  apps = [new App('one'), new App('two')];
});
afterEach(async () => {
  await luma?.stop();
  luma = undefined;
  await Promise.all(apps.map((app) => app.stop()));
  await proxy.dispose();
}, 60_000);

interface Files {
  readonly certificate_path: string;
  readonly private_key_path: string;
}

/** For the deployed service, and by default for the project, which orders none. */
function certificate(): Files {
  const { certificatePem, privateKeyPem } = makeCertificate(['shop.test', 'hello.test']);
  const files = {
    certificate_path: join(proxy.dir, 'certificate.pem'),
    private_key_path: join(proxy.dir, 'key.pem'),
  };
  writeFileSync(files.certificate_path, certificatePem);
  writeFileSync(files.private_key_path, privateKeyPem);
  return files;
}

/** One that stays from before the first change until after the last. */
async function openSocket(host: string): Promise<{ echoes(text: string): Promise<void>; close(): void }> {
  const heard = new Set<string>();
  let ending: string | null = null;
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`, { headers: { host } });
  socket.onmessage = ({ data }) => void heard.add(String(data));
  socket.onclose = ({ code }) => {
    ending = `closed with ${code}`;
  };
  await until('a WebSocket to open', () => socket.readyState === WebSocket.OPEN);
  return {
    async echoes(text) {
      expect(ending).toBeNull();
      socket.send(text);
      await until(`the echo of ${text}`, () => heard.has(text));
    },
    close: () => socket.close(),
  };
}

test(
  'deploys, take-overs and restarts of the control plane fail no request and reset no connection',
  async () => {
    const files = certificate();
    const defaults = ['--tls-default-certificate-path', files.certificate_path];
    defaults.push('--tls-default-private-key-path', files.private_key_path);
    await proxy.start({ workers: 1, httpsPort: 0, more: defaults });
    const { port, httpsPort } = proxy;
    const flags = { workers: 1, port, httpsPort, more: defaults };
    const deploy = (round: number) =>
      proxy.client.deploy('shop', {
        hosts: ['shop.test'],
        targets: [`127.0.0.1:${apps[round % 2]!.port}`],
        tls: { redirect: false, own_certificate: files },
      });
    await deploy(0);
    luma = await Luma.start({ runtime: 'process', proxySocket: proxy.socketPath, httpPort: port });
    await luma.add({ name: 'hello', hostname: 'hello.test', min_instances: 1 });
    expect((await luma.get('hello.test')).status).toBe(200);
    const start = (await luma.get('hello.test')).headers.get('x-app-start');
    const before = (await proxy.client.getService('hello')).targets;
    const socket = await openSocket('hello.test');

    const loads = ['shop.test', 'hello.test'].flatMap((host) => [
      new KeptLoad({ port, host }),
      new KeptLoad({ port: httpsPort, host, isTls: true }),
      new StreamLoad({ port, host }),
      new StreamLoad({ port: httpsPort, host, isTls: true }),
    ]);
    const every = Math.ceil(DEPLOYS / RESTARTS);
    for (let round = 1; round <= DEPLOYS; round++) {
      expect(await deploy(round)).toMatchObject({ cut: 0 });
      if (round % every > 0) continue;
      const turn = round / every;
      const isKilled = turn % 2 === 1;
      if (isKilled) await luma.killServer();
      else expect(await luma.interruptServer()).toBe(0);
      // By turns without a control plane, and with one that has just come back.
      if (isKilled) expect(await (await proxy.startAnother(flags)).exited).toBe(0);
      await luma.startServer();
      if (!isKilled) expect(await (await proxy.startAnother(flags)).exited).toBe(0);
      await until('the server to be linked', async () =>
        (await proxy.client.status()).links.some(({ ready }) => ready),
      );
      expect(await proxy.client.getService('hello')).toMatchObject({
        gate: 'open',
        targets: [{ id: before[0]!.id }],
      });
      await socket.echoes(`after ${turn}`);
    }
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { answered, announced } of results) {
      expect(answered).toBeGreaterThan(DEPLOYS);
      // Every connection of a worker that was replaced has heard of it before it ended.
      expect(announced).toBeGreaterThanOrEqual(RESTARTS);
    }
    console.log(
      `${DEPLOYS} deploys, ${RESTARTS} take-overs, ${RESTARTS} restarts of the server: ${results.map(({ answered }) => answered)} answers`,
    );
    expect((await luma.get('hello.test')).headers.get('x-app-start')).toBe(start!);
    expect(await luma.events('hello', 'starting')).toHaveLength(1);
    expect(await luma.events('hello', 'adopted')).toHaveLength(RESTARTS);
    socket.close();
    await until('quiet', async () => (await proxy.client.getService('shop')).in_flight === 0);
  },
  TIMEOUT_MS,
);
