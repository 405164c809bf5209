/** What a person at the docker command may do to a container of ours, and what the project's clients see of it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type Docker from 'dockerode';
import type { Container } from 'dockerode';
import { Luma } from '../../e2e/luma.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { clientOf } from './subject.ts';
import { until } from './until.ts';

const limitMs = 120_000;
const requestsAfter = 3;
let engine: TestEngine;
let docker: Docker;
let luma: Luma;

beforeAll(async () => {
  engine = await withEngine();
  docker = clientOf(engine);
  luma = await Luma.start({ runtime: 'docker', apart: true, env: { DOCKER_HOST: engine.dockerHost } });
}, limitMs);
afterAll(async () => {
  await luma?.stop();
  await engine?.stop();
}, limitMs);

async function containerOf(project: string, which: 'luma.instance' | 'luma.sandbox'): Promise<Container> {
  const filters = { label: [`luma.project=${project}`, which] };
  const [one] = await docker.listContainers({ all: true, filters });
  if (!one) throw new Error(`${project} has no ${which}`);
  return docker.getContainer(one.Id);
}

interface Deed {
  readonly name: string;
  readonly when: 'awake' | 'asleep';
  readonly to: 'luma.instance' | 'luma.sandbox';
  readonly run: (container: Container) => Promise<unknown>;
  /** What the project's events tell of it. */
  readonly told: readonly string[];
}

const killed = (one: Container): Promise<unknown> => one.kill();
const stopped = (one: Container): Promise<unknown> => one.stop({ t: 5 });
const restarted = (one: Container): Promise<unknown> => one.restart({ t: 5 });
const removed = (one: Container): Promise<unknown> => one.remove({ force: true });
const renamed = (one: Container): Promise<unknown> => one.rename({ name: `by-hand-${one.id.slice(0, 12)}` });
const paused = (one: Container): Promise<unknown> => one.pause();
const started = (one: Container): Promise<unknown> => one.start();

const instance = 'luma.instance';
const sandbox = 'luma.sandbox';
const deeds: readonly Deed[] = [
  { name: 'killed', when: 'awake', to: instance, run: killed, told: ['crashed', 'woken'] },
  { name: 'stopped', when: 'awake', to: instance, run: stopped, told: ['crashed', 'woken'] },
  { name: 'restarted', when: 'awake', to: instance, run: restarted, told: [] },
  { name: 'removed', when: 'awake', to: instance, run: removed, told: ['crashed', 'prepared', 'woken'] },
  { name: 'renamed', when: 'awake', to: instance, run: renamed, told: [] },
  { name: 'paused', when: 'awake', to: instance, run: paused, told: [] },
  { name: 'removed', when: 'asleep', to: instance, run: removed, told: ['prepared', 'woken'] },
  { name: 'renamed', when: 'asleep', to: instance, run: renamed, told: ['woken'] },
  { name: 'started', when: 'asleep', to: instance, run: started, told: [] },
  { name: 'killed', when: 'awake', to: sandbox, run: killed, told: ['crashed', 'woken'] },
  { name: 'removed', when: 'awake', to: sandbox, run: removed, told: ['crashed', 'woken'] },
  { name: 'restarted', when: 'awake', to: sandbox, run: restarted, told: ['crashed', 'woken'] },
  { name: 'removed', when: 'asleep', to: sandbox, run: removed, told: ['woken'] },
  { name: 'renamed', when: 'asleep', to: sandbox, run: renamed, told: ['woken'] },
];

describe('the clients of a project get their answers when', () => {
  for (const { name, when, to, run, told } of deeds) {
    const what = to === sandbox ? 'sandbox' : 'container';
    test(
      `its ${what} is ${name} by hand while it is ${when}`,
      async () => {
        const project = `${what}-${name}-${when}`;
        const host = `${project}.localhost`;
        const image = { docker_image: 'luma-test/busybox', container_port: 8080 };
        await luma.add({ name: project, ...image, idle_timeout: '1s', stop_timeout: '2s' });
        expect((await luma.get(host)).status).toBe(200);
        if (when === 'asleep') await luma.api('POST', `/projects/${project}/sleep`);
        const before = (await luma.events(project)).length;
        await run(await containerOf(project, to));
        for (let n = 0; n < requestsAfter; n++) expect((await luma.get(host)).status).toBe(200);
        // Newest first.
        const events = (await luma.events(project)).slice(0, -before).map(({ kind }) => kind);
        expect(events).toEqual(expect.arrayContaining([...told]));
        await luma.untilStatus(project, 'idle');
        expect((await luma.get(host)).status).toBe(200);
        await luma.api('DELETE', `/projects/${project}`);
      },
      limitMs,
    );
  }
});

const app = { docker_image: 'luma-test/app', container_port: 8080 };

test(
  'who waits for an app that has answered before is answered, although it is killed during its start',
  async () => {
    const name = 'killed-during-its-start';
    const host = `${name}.localhost`;
    await luma.add({ name, ...app, idle_timeout: '1s', env_vars: { BOOT_MS: '1000' } });
    expect((await luma.get(host)).status).toBe(200);
    await luma.api('POST', `/projects/${name}/sleep`);
    const answer = luma.get(host);
    const container = await containerOf(name, instance);
    await until('it to start', async () => ((await container.inspect()).State.Running ? true : undefined));
    await container.kill();
    expect((await answer).status).toBe(200);
    const kinds = (await luma.events(name)).map(({ kind }) => kind);
    expect(kinds).toContain('crashed');
    expect(kinds).not.toContain('wake_failed');
    await luma.api('DELETE', `/projects/${name}`);
  },
  limitMs,
);

test(
  'what is killed while a revision is tried that does not start goes on serving after its restart',
  async () => {
    const name = 'killed-during-a-deploy';
    const host = `${name}.localhost`;
    await luma.add({ name, ...app, idle_timeout: '60s' });
    expect((await luma.get(host)).status).toBe(200);
    const leader = await containerOf(name, instance);
    const deploy = luma.api('PATCH', `/projects/${name}`, { env_vars: { EXIT_CODE: '7' } });
    await leader.kill();
    await deploy;
    const failed = await until('the deploy to fail', async () => {
      expect((await luma.get(host)).status).toBe(200);
      const { json } = await luma.api('GET', `/projects/${name}`);
      return (json as { switch_failure: { message: string } | null }).switch_failure ?? undefined;
    });
    expect(failed.message).toContain('it exited with code 7');
    expect((await luma.get(host)).status).toBe(200);
    await luma.api('DELETE', `/projects/${name}`);
  },
  limitMs,
);
