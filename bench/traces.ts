/**
 * Records what the edge counts (in flight and held) while real clients ask a real project, four times a second: a step, bursts, a
 * saw tooth, and a crowd of slow clients. The tests of scaling replay it. Some two minutes.
 *
 *   bench/traces.ts [--only step,bursts,saw-tooth,slow-clients] [--into src/control/scaling/traces]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ask } from '../test/e2e/http-client.ts';
import { freePort, Luma } from '../test/e2e/luma.ts';
import { KeptCrowd } from './scaling/kept-client.ts';

const root = resolve(import.meta.dir, '..');
const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: 'step,bursts,saw-tooth,slow-clients' },
    into: { type: 'string', default: join(root, 'src/control/scaling/traces') },
  },
});

const everyMs = 250;
const lengthMs = 24_000;
const quietAfterMs = 4_000;
const path = '/slow?ms=100';
const metricsPort = await freePort();

type Load = (luma: Luma, host: string) => Promise<void>;

/** So many requests a second, whoever still waits: an open loop, as a crowd of strangers is. */
async function arrivals(luma: Luma, host: string, perSecondAt: (atMs: number) => number): Promise<void> {
  const beganAt = performance.now();
  const asked: Promise<unknown>[] = [];
  let due = 0;
  for (let atMs = 0; atMs < lengthMs; atMs = performance.now() - beganAt) {
    due += (perSecondAt(atMs) * 20) / 1_000;
    for (; due >= 1; due -= 1) asked.push(ask({ port: luma.httpPort, host, path }));
    await Bun.sleep(20);
  }
  await Promise.all(asked);
}

/** Sends a small body in sixty parts, one every 100 ms. */
function sendSlowly(luma: Luma, host: string): Promise<void> {
  return new Promise((done, fail) => {
    const parts = 60;
    const part = 'x'.repeat(100);
    const socket = connect(luma.httpPort, '127.0.0.1');
    const head = `POST /echo HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
    socket.write(`${head}Content-Length: ${parts * part.length}\r\n\r\n`);
    let sent = 0;
    const pace = setInterval(() => {
      if (sent++ < parts) socket.write(part);
      else clearInterval(pace);
    }, 100);
    socket.on('data', () => undefined);
    socket.on('error', fail);
    socket.on('close', () => {
      clearInterval(pace);
      done();
    });
  });
}

const loads: Readonly<Record<string, Load>> = {
  step: async (luma, host) => {
    await Bun.sleep(4_000);
    const beganAt = performance.now();
    const crowd = new KeptCrowd(
      { port: luma.httpPort, host, now: () => performance.now() - beganAt },
      200,
      path,
    );
    await Bun.sleep(lengthMs - 4_000);
    await crowd.stop();
  },
  bursts: async (luma, host) => {
    const everyBurstMs = 8_000;
    await arrivals(luma, host, (atMs) => (atMs % everyBurstMs > everyBurstMs - 500 ? 600 : 20));
  },
  'saw-tooth': (luma, host) => arrivals(luma, host, (atMs) => ((atMs % 8_000) / 8_000) * 600),
  'slow-clients': async (luma, host) => {
    const senders: Promise<void>[] = [];
    for (let n = 0; n < 90; n++) {
      senders.push(sendSlowly(luma, host));
      await Bun.sleep(180);
    }
    await Promise.all(senders);
  },
};

async function loadOf(project: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const value = (name: string): number =>
    Number(new RegExp(`^${name}\\{service="${project}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return value('luma_proxy_in_flight') + value('luma_proxy_held');
}

async function record(luma: Luma, name: string, load: Load): Promise<void> {
  const host = `${name}.localhost`;
  await luma.add({ name, concurrency: 10, idle_timeout: '1h' });
  await luma.get(host);
  const samples: number[] = [];
  let isOver = false;
  const beganAt = performance.now();
  const sampling = (async (): Promise<void> => {
    while (!isOver) {
      samples.push(await loadOf(name));
      await Bun.sleep(Math.max(0, samples.length * everyMs - (performance.now() - beganAt)));
    }
  })();
  await load(luma, host);
  await Bun.sleep(quietAfterMs);
  isOver = true;
  await sampling;
  await luma.api('POST', `/projects/${name}/stop`);
  mkdirSync(flags.into, { recursive: true });
  const file = join(flags.into, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ every_ms: everyMs, concurrency: 10, load: samples })}\n`);
  console.log(`${name}: ${samples.length} samples, at most ${Math.max(...samples)}`);
}

const luma = await Luma.start({ runtime: 'process', flags: ['--metrics-port', String(metricsPort)] });
try {
  for (const name of flags.only.split(',')) {
    const load = loads[name];
    if (!load) throw new Error(`there is no ${name}: ${Object.keys(loads).join(', ')}`);
    await record(luma, name, load);
  }
} finally {
  await luma.stop();
}
