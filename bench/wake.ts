/**
 * What a wake costs beyond what the engine costs: the wake as a client sees it (request sent to a sleeping project
 * until the whole answer) beside the same program started by hand and connected to in a tight loop, in turn, in one run.
 *
 *   bench/wake.ts [--runtime docker|process|all] [--rounds 30]
 */
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import Docker from 'dockerode';
import { ask } from '../test/e2e/http-client.ts';
import { appCommand, freePort, Luma } from '../test/e2e/luma.ts';
import { withEngine } from '../test/engine/engine.ts';
import { percentile, printTable, summarise } from './statistics.ts';

const { values: flags } = parseArgs({
  options: { runtime: { type: 'string', default: 'all' }, rounds: { type: 'string', default: '30' } },
});
const rounds = Number(flags.rounds);

interface ByHand {
  /** Starts the program and resolves when it has answered. */
  start(): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** Tries a connection again and again without a pause, then asks for `/`. */
async function askInTightLoop(host: string, port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((settled) => {
      const socket = connect(port, host);
      socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
      socket.on('data', () => {
        settled(true);
        socket.destroy();
      });
      socket.on('error', () => settled(false));
      socket.on('close', () => settled(false));
    });
    if (isOpen) return;
  }
}

async function containerByHand(docker: Docker, image: string): Promise<ByHand> {
  const container = await docker.createContainer({
    Image: image,
    ExposedPorts: { '8080/tcp': {} },
    HostConfig: { Init: true, PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
  });
  return {
    async start() {
      await container.start();
      const { NetworkSettings } = await container.inspect();
      await askInTightLoop(NetworkSettings.Networks['bridge']?.IPAddress ?? '', 8080);
    },
    stop: () => container.stop({ t: 10 }),
    remove: () => container.remove({ force: true }),
  };
}

async function processByHand(command: readonly string[]): Promise<ByHand> {
  const port = await freePort();
  let child: Bun.Subprocess | null = null;
  return {
    async start() {
      const env = { PATH: '/usr/bin:/bin', PORT: String(port) };
      child = Bun.spawn([...command], { env, stdio: ['ignore', 'ignore', 'ignore'] });
      await askInTightLoop('127.0.0.1', port);
    },
    async stop() {
      child?.kill('SIGTERM');
      await child?.exited;
    },
    remove: async () => undefined,
  };
}

/** A wake through Luma, then a start by hand, again and again. */
async function measure(name: string, luma: Luma, project: string, byHand: ByHand): Promise<void> {
  const wakes: number[] = [];
  const starts: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const answer = await ask({ port: luma.httpPort, host: `${project}.localhost` });
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.body}`);
    const slept = await luma.api('POST', `/projects/${project}/sleep`);
    if (slept.status !== 200) throw new Error(`${name}: ${JSON.stringify(slept.json)}`);
    const startedAt = performance.now();
    await byHand.start();
    const startMs = performance.now() - startedAt;
    await byHand.stop();
    if (round < 0) continue; // warm-up
    wakes.push(answer.durationMs);
    starts.push(startMs);
  }
  report(name, wakes, starts);
}

function report(name: string, wakes: readonly number[], starts: readonly number[]): void {
  const [wake, start] = [summarise(wakes), summarise(starts)];
  const differences = wakes.map((ms, n) => ms - (starts[n] ?? Number.NaN));
  console.log(`\n${name}, ${wakes.length} rounds, milliseconds`);
  printTable(
    ['', 'p50', 'p95'],
    [
      ['wake through Luma', wake.p50, wake.p95],
      ['started by hand', start.p50, start.p95],
      ['difference of the percentiles', wake.p50 - start.p50, wake.p95 - start.p95],
      ['difference, round by round', percentile(differences, 0.5), percentile(differences, 0.95)],
      ['ratio', wake.p50 / start.p50, wake.p95 / start.p95],
    ],
  );
}

async function onDocker(): Promise<void> {
  const engine = await withEngine();
  const luma = await Luma.start({ runtime: 'docker', apart: true, env: { DOCKER_HOST: engine.dockerHost } });
  const image = 'luma-test/busybox';
  const docker = new Docker({ socketPath: engine.dockerHost.replace('unix://', '') });
  const byHand = await containerByHand(docker, image);
  try {
    await luma.add({ name: 'static', docker_image: image, container_port: 8080, idle_timeout: 'never' });
    await measure('static server in Docker', luma, 'static', byHand);
  } finally {
    await byHand.remove();
    await luma.stop();
    await engine.stop();
  }
}

async function onProcess(): Promise<void> {
  const luma = await Luma.start({ runtime: 'process', apart: true });
  try {
    await luma.add({ name: 'local', idle_timeout: 'never' });
    await measure('local process (Bun server)', luma, 'local', await processByHand(appCommand()));
  } finally {
    await luma.stop();
  }
}

if (flags.runtime !== 'process') await onDocker();
if (flags.runtime !== 'docker') await onProcess();
