/** What is done to a running Luma, each with whose exchanges it may kill: nobody's, unless a process dies under them. */
import type Docker from 'dockerode';
import { createProxyClient } from '../../src/proxy/client/index.ts';
import type { Luma } from '../e2e/luma.ts';
import { until } from '../e2e/luma.ts';
import type { TestEngine } from '../engine/engine.ts';
import type { Calamity } from './ledger.ts';
import type { SeededRandom } from './random.ts';

export interface Scene {
  readonly luma: Luma;
  readonly engine: TestEngine;
  readonly docker: Docker;
  readonly projects: readonly string[];
  readonly random: SeededRandom;
  readonly now: () => number;
}

export interface Deed {
  readonly name: string;
  /** How often it happens beside the others. */
  readonly weight: number;
  /** Null: there was nothing to do it to. */
  readonly run: (scene: Scene) => Promise<Omit<Calamity, 'what' | 'startedAt'> | null>;
}

const HARMLESS = 'none' as const;

/** The app ends at once on SIGTERM; beyond this the container had ended before. */
const ENDED_WITHIN_MS = 2_000;

export const deeds: readonly Deed[] = [
  {
    name: 'deploy',
    weight: 5,
    run: async (scene) => change(scene, { env_vars: { DEPLOYED_AT: String(Math.round(scene.now())) } }),
  },
  {
    name: 'bad deploy',
    weight: 1,
    // It ends at once: the revision before must go on serving.
    run: async (scene) => change(scene, { env_vars: { EXIT_CODE: '7' } }),
  },
  {
    name: 'rollback',
    weight: 2,
    run: (scene) => post(scene, 'rollback'),
  },
  {
    name: 'scale change',
    weight: 2,
    run: async (scene) => change(scene, { max_instances: scene.random.one([1, 2, 3]) }),
  },
  {
    name: 'sleep',
    weight: 4,
    run: (scene) => post(scene, 'sleep'),
  },
  {
    name: 'docker kill',
    weight: 3,
    run: async (scene) => {
      const { random, now } = scene;
      const found = await someInstance(scene);
      if (!found) return null;
      const ended = endOf(found.container);
      await found.container.kill({ signal: random.one(['SIGKILL', 'SIGTERM']) }).catch(unlessGone);
      await ended;
      return { to: found.project, killedAt: now(), kills: { project: found.project } };
    },
  },
  {
    name: 'docker pause',
    weight: 1,
    run: async (scene) => {
      const found = await someInstance(scene);
      if (!found) return null;
      await found.container.pause().catch(unlessGone);
      await Bun.sleep(1_000);
      await found.container.unpause().catch(unlessGone);
      return { to: found.project, killedAt: scene.now(), kills: HARMLESS };
    },
  },
  {
    name: 'engine killed and started',
    weight: 1,
    run: async ({ engine, now }) => {
      await engine.kill();
      await engine.restart();
      return { to: null, killedAt: now(), kills: HARMLESS, isOutage: true };
    },
  },
  {
    name: 'kill -9 of the server',
    weight: 2,
    run: async ({ luma, now }) => {
      await luma.killServer();
      const killedAt = now();
      await Bun.sleep(500);
      await luma.startServer();
      return { to: null, killedAt, kills: HARMLESS };
    },
  },
  {
    name: 'kill -9 of the daemon',
    weight: 2,
    run: async ({ luma, now }) => {
      await luma.killProxy();
      const killedAt = now();
      await luma.startProxy();
      // Its workers answer on the public port all the while: the socket says that the next daemon is there.
      const proxy = createProxyClient({ socketPath: luma.proxySocket });
      await until('the next daemon to answer', async () => (await proxy.status()).workers.length > 0);
      return { to: null, killedAt, kills: HARMLESS };
    },
  },
  {
    name: 'kill -9 of a worker',
    weight: 1,
    run: async ({ luma, random, now }) => {
      const proxy = createProxyClient({ socketPath: luma.proxySocket });
      const serving = (await proxy.status()).workers.filter(({ state }) => state === 'serving');
      if (serving.length < 2) return null;
      process.kill(random.one(serving).pid, 'SIGKILL');
      return { to: null, killedAt: now(), kills: 'any' };
    },
  },
  {
    name: 'restart of the workers',
    weight: 1,
    run: async ({ luma, now }) => {
      await createProxyClient({ socketPath: luma.proxySocket }).restartWorkers();
      return { to: null, killedAt: now(), kills: HARMLESS };
    },
  },
];

export function chooseDeed(random: SeededRandom): Deed {
  const bag = deeds.flatMap((deed) => new Array<Deed>(deed.weight).fill(deed));
  return random.one(bag);
}

/** It is busy, has no revision to go back to, or the server is on its way back: such an answer is right, and changes nothing. */
const REFUSALS: readonly number[] = [404, 409, 422, 503];

async function change(scene: Scene, patch: Record<string, unknown>): ReturnType<Deed['run']> {
  return call(scene, 'PATCH', '', patch);
}

async function post(scene: Scene, verb: string): ReturnType<Deed['run']> {
  return call(scene, 'POST', `/${verb}`, {});
}

async function call(scene: Scene, method: string, path: string, body: unknown): ReturnType<Deed['run']> {
  const { luma, random, projects, now } = scene;
  const project = random.one(projects);
  const answer = await luma.api(method, `/projects/${project}${path}`, body);
  const isRight = answer.status < 300 || REFUSALS.includes(answer.status);
  if (!isRight)
    throw new Error(`${method} ${project}${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
  return { to: `${project} (${answer.status})`, killedAt: now(), kills: HARMLESS };
}

async function someInstance({ docker, projects, random }: Scene) {
  const label = ['luma.instance'];
  const containers = await docker.listContainers({ filters: { label, status: ['running'] } });
  const apps = containers.filter(({ Labels }) => projects.includes(Labels['luma.project'] ?? ''));
  if (apps.length === 0) return null;
  const chosen = random.one(apps);
  return { project: chosen.Labels['luma.project'] ?? '', container: docker.getContainer(chosen.Id) };
}

/** Until a process has ended its accept queue takes connections, which die with it. */
function endOf(container: Docker.Container): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const giveUp = setTimeout(resolve, ENDED_WITHIN_MS);
  const over = (): void => resolve();
  container.wait({ condition: 'next-exit' }).then(over, over);
  return promise.finally(() => clearTimeout(giveUp));
}

/** It went away in between, or is what it was to become already. */
function unlessGone(error: unknown): void {
  const { statusCode } = error as { statusCode?: number };
  if (statusCode !== 404 && statusCode !== 409 && statusCode !== 500) throw error;
}

/** Everything there and calm again: each project asked once, then asleep, and nothing counted. */
export async function untilCalm({ luma, projects }: Scene): Promise<void> {
  for (const name of projects) {
    await until(`${name} to answer`, async () => (await luma.get(`${name}.localhost`)).status === 200);
  }
  for (const name of projects) await luma.untilStatus(name, 'idle');
  const proxy = createProxyClient({ socketPath: luma.proxySocket });
  await until('nothing in flight or held', async () => {
    const services = await proxy.listServices();
    return services.every(({ in_flight, held }) => in_flight === 0 && held === 0);
  });
}
