/**
 * Nothing fails while everything changes: deploys of alternating targets, take-overs of the daemon and restarts of the
 * control plane, under HTTP/1.1 and HTTP/2. Short in every run; a hundred deploys with LUMA_LONG=1.
 */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from '../../../src/base/certificate.fixture.ts';
import { KeptLoad } from './kept-load.ts';
import { App, type LinkRecorder, ProxyFixture, spec, target, until } from './proxy-fixture.ts';
import { StreamLoad } from './stream-load.ts';

const isLong = process.env['LUMA_LONG'] === '1';
const DEPLOYS = isLong ? 100 : 10;
/** Of the daemon, and of the control plane. */
const RESTARTS = isLong ? 20 : 2;
const TIMEOUT_MS = isLong ? 600_000 : 60_000;

let proxy: ProxyFixture;
let apps: App[];
beforeEach(() => {
  proxy = new ProxyFixture();
  apps = [new App('one'), new App('two')];
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await proxy.dispose();
});

function ownCertificate(): { certificate_path: string; private_key_path: string } {
  const { certificatePem, privateKeyPem } = makeCertificate(['shop.test']);
  const paths = {
    certificate_path: join(proxy.dir, 'certificate.pem'),
    private_key_path: join(proxy.dir, 'key.pem'),
  };
  writeFileSync(paths.certificate_path, certificatePem);
  writeFileSync(paths.private_key_path, privateKeyPem);
  return paths;
}

test(
  'deploys, take-overs and restarts of the control plane fail no request and reset no connection',
  async () => {
    await proxy.start({ workers: 1, httpsPort: 0 });
    const { port, httpsPort } = proxy;
    const tls = { redirect: false, own_certificate: ownCertificate() };
    const deploy = (round: number) =>
      proxy.client.deploy('shop', {
        hosts: ['shop.test'],
        targets: [`127.0.0.1:${apps[round % 2]!.port}`],
        tls,
      });
    await deploy(0);
    const published = [spec('hello', { targets: [target('i1', apps[0]!.port)] })];
    let control: LinkRecorder = proxy.link('inst-a', 1, published);
    await control.hears('ready');
    const loads = [
      new KeptLoad(port, 'shop.test'),
      new KeptLoad(port, 'hello.test'),
      new StreamLoad(httpsPort, 'shop.test'),
    ];
    const every = Math.ceil(DEPLOYS / RESTARTS);
    for (let round = 1; round <= DEPLOYS; round++) {
      const { cut } = await deploy(round);
      expect(cut).toBe(0);
      if (round % every > 0) continue;
      control.link.close();
      const { exited } = await proxy.startAnother({ workers: 1, port, httpsPort });
      control = proxy.link('inst-a', 1 + round, published);
      await control.hears('ready');
      expect(await exited).toBe(0);
    }
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { answered } of results) expect(answered).toBeGreaterThan(DEPLOYS);
    console.log(
      `${DEPLOYS} deploys, ${RESTARTS} take-overs: ${results.map(({ answered }) => answered)} answers`,
    );
    await until('quiet', async () => (await proxy.client.getService('shop')).in_flight === 0);
  },
  TIMEOUT_MS,
);
