/** A CA that refuses, is away or has forgotten us, and daemons that change in the middle of orders: clients never notice. */
import { afterEach, expect, test } from 'bun:test';
import { Stage } from './stage.ts';

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.dispose();
  stage = undefined;
});

const HOST = 'shop.example.com';

/** Real handshakes, one after the other, for as long as something happens; every one must show a certificate of the CA. */
async function handshakesDuring(host: string, happens: () => Promise<unknown>): Promise<number> {
  let isOver = false;
  let count = 0;
  const hands = (async () => {
    while (!isOver || count === 0) {
      expect((await stage!.shown(host)).subjectaltname).toBe(`DNS:${host}`);
      count += 1;
    }
  })();
  try {
    await Promise.race([happens(), hands.then(() => {}, Promise.reject.bind(Promise))]);
  } finally {
    isOver = true;
  }
  await hands;
  return count;
}

async function certified(options: Parameters<typeof Stage.start>[0] = {}): Promise<string> {
  stage = await Stage.start(options);
  await stage.deploy('shop', [HOST]);
  await stage.reaches(HOST, 'valid');
  return (await stage.shown(HOST)).serialNumber;
}

test('a CA that is not convinced: the old certificate serves, the reason is shown, and the next order works', async () => {
  const serial = await certified();
  const here = stage!;
  await here.pebble.dns('set-default-ipv4', { ip: '127.0.0.2' });
  const count = await handshakesDuring(HOST, async () => {
    await here.proxy.client.renewCertificate(HOST);
    const { served, last_error: error, next_try_at: next } = await here.reaches(HOST, 'backing-off');
    expect(served).toBe(true);
    expect(error?.code).toMatch(/^acme_(connection|unauthorized)$/);
    expect(error?.hint).toContain('public DNS');
    expect(Date.parse(next ?? '') - Date.now()).toBeGreaterThan(3 * 60_000);
  });
  expect(count).toBeGreaterThan(1);
  const said = await here.proxyCommand('certificates');
  expect(said).toMatch(/HOST +STATE +ISSUER +EXPIRES +NEXT TRY +SERVICE/);
  expect(said).toMatch(/shop\.example\.com +backing-off +Pebble .+ UTC +.+ UTC +shop/);
  expect(said).toContain('hint: the host must lead to this machine');
  expect(await here.proxyCommand('certificates', 'renew', 'other.example.com')).toContain(
    'luma-proxy orders no certificate for other.example.com',
  );
  expect((await here.shown(HOST)).serialNumber).toBe(serial);
  await here.pebble.dns('set-default-ipv4', { ip: '127.0.0.1' });
  await here.renewed(HOST, serial);
});

test('a CA that is away and comes back as another, which knows no account of ours', async () => {
  const serial = await certified();
  const here = stage!;
  const { url } = here.account;
  await here.pebble.stopCa();
  await handshakesDuring(HOST, async () => {
    await here.proxy.client.renewCertificate(HOST);
    expect(await here.reaches(HOST, 'backing-off')).toMatchObject({
      last_error: { code: 'acme_unreachable' },
    });
  });
  expect((await here.shown(HOST)).serialNumber).toBe(serial);
  await here.pebble.startCa();
  here.root += await here.pebble.root();
  await handshakesDuring(HOST, () => here.renewed(HOST, serial));
  expect(here.account.url).not.toBe(url);
});

test('an account that the CA has closed: another one is registered, and the order goes on', async () => {
  const serial = await certified();
  const here = stage!;
  const before = here.account;
  await (await here.asAccount()).updateAccount({ status: 'deactivated' });
  await here.renewed(HOST, serial);
  expect(here.account.keyPem).not.toBe(before.keyPem);
});

test('half of all nonces refused, a CA that takes its time, and proofs that it remembers: orders take longer, and work', async () => {
  const serial = await certified({ nonceReject: 50, authorizationReuse: 50, validationSleepS: 3 });
  await handshakesDuring(HOST, () => stage!.renewed(HOST, serial));
});

test('a daemon that takes over in the middle of orders begins them anew, and each host gets its certificate', async () => {
  await certified();
  const here = stage!;
  const hosts = Array.from({ length: 12 }, (_, index) => `t${index}.example.com`);
  await handshakesDuring(HOST, async () => {
    await here.deploy('more', hosts);
    await here.takeOver();
    for (const host of hosts) await here.reaches(host, 'valid');
  });
  for (const host of hosts) expect((await here.shown(host)).subjectaltname).toBe(`DNS:${host}`);
  expect(here.files).toHaveLength(hosts.length + 1);
});

test('a daemon killed in the middle of an order: workers serve on, and the next one orders again', async () => {
  await certified();
  const here = stage!;
  await handshakesDuring(HOST, async () => {
    await here.deploy('more', ['more.example.com']);
    await here.proxy.signal('SIGKILL');
    await here.startProxy();
    await here.reaches('more.example.com', 'valid');
  });
});
