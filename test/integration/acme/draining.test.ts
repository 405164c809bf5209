/** Certificates while a worker drains: the CA hears nothing before it has the challenge, too, and it shows what came since. */
import { afterEach, expect, test } from 'bun:test';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { until } from './pebble.ts';
import { Stage } from './stage.ts';

const HOST = 'shop.example.com';
const TIME_MS = 40_000;

let stage: Stage | undefined;
let sockets: Socket[] = [];
let stopped: number | undefined;
afterEach(async () => {
  if (stopped !== undefined) process.kill(stopped, 'SIGCONT');
  stopped = undefined;
  for (const socket of sockets) socket.destroy();
  sockets = [];
  stage?.app.finish();
  await stage?.dispose();
  stage = undefined;
});

/** One worker that drains: a request of a service without HTTPS keeps it. Its process id. */
async function drainingWorker(here: Stage, beforeItDrains: () => Promise<void> = async () => {}) {
  await here.proxy.client.deploy('plain', { hosts: ['plain.test'], targets: [`127.0.0.1:${here.app.port}`] });
  const slow = here.proxy.get('plain.test', '/slow');
  await until(
    'a request in flight',
    async () => (await here.proxy.client.getService('plain')).in_flight === 1,
  );
  await beforeItDrains();
  const [before] = (await here.proxy.client.status()).workers;
  await here.proxy.client.restartWorkers();
  const { workers } = await here.proxy.client.status();
  expect(workers.find(({ pid }) => pid === before?.pid)?.state).toBe('draining');
  return { pid: before!.pid, slow };
}

test(
  'a draining worker that takes no challenge keeps the CA from being told; the deploy says why, and goes on when it does',
  async () => {
    stage = await Stage.start({ workers: 1 });
    const { pid, slow } = await drainingWorker(stage);
    process.kill(pid, 'SIGSTOP');
    stopped = pid;
    await stage.deploy('shop', [HOST]);
    const { last_error: error, next_try_at: next } = await stage.reaches(HOST, 'backing-off');
    expect(error).toMatchObject({
      code: 'workers_slow',
      message: `workers have not taken a certificate in time: process ids ${pid}`,
      hint: expect.stringContaining('it is tried again'),
    });
    // As after an outage: soon.
    expect(Date.parse(next ?? '') - Date.now()).toBeLessThan(15_000);
    expect(await stage.metrics()).toContain(
      `luma_proxy_certificate_failed{host="${HOST}",code="workers_slow"} 1\n`,
    );
    // The order was begun, and the CA was never asked to look.
    expect(stage.pebble.said).toContain('POST /order-plz');
    expect(stage.pebble.said).not.toContain('POST /chalZ/');
    process.kill(pid, 'SIGCONT');
    stopped = undefined;
    await stage.proxy.client.renewCertificate(HOST);
    expect(await stage.reaches(HOST, 'valid')).toMatchObject({ served: true, last_error: null });
    expect(stage.pebble.said).toContain('POST /chalZ/');
    stage.app.finish();
    expect((await slow).status).toBe(200);
  },
  TIME_MS,
);

test(
  'a connection that a draining worker had taken is shown a certificate that was issued since',
  async () => {
    const here = await Stage.start({ workers: 1 });
    stage = here;
    let arrived: Socket | undefined;
    const { slow } = await drainingWorker(here, async () => {
      const socket = connectPlain({ host: '127.0.0.1', port: here.ports.https });
      sockets.push(socket);
      await new Promise((resolve) => socket.once('connect', resolve));
      // The kernel has it before the worker does.
      expect((await here.proxy.get('plain.test')).status).toBe(200);
      arrived = socket;
    });
    await here.deploy('shop', [HOST]);
    await here.reaches(HOST, 'valid');
    const shown = await new Promise<string | undefined>((resolve, reject) => {
      const socket = connectTls({ socket: arrived!, servername: HOST, ca: here.root }, () =>
        resolve(socket.getPeerCertificate().subjectaltname),
      );
      socket.on('error', reject);
    });
    expect(shown).toBe(`DNS:${HOST}`);
    here.app.finish();
    expect((await slow).status).toBe(200);
  },
  TIME_MS,
);
