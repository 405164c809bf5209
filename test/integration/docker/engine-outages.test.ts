/** What clients get, and what the operator reads, while the engine is gone, hangs, or has no disk, image or port left. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { Luma, until } from '../../e2e/luma.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { clientOf } from './subject.ts';

const limitMs = 120_000;
const image = 'luma-test/busybox';
let engine: TestEngine;
let docker: Docker;
let luma: Luma;

beforeAll(async () => {
  engine = await withEngine({ isPrivate: true, diskMb: 64 });
  docker = clientOf(engine);
  luma = await Luma.start({ runtime: 'docker', apart: true, env: { DOCKER_HOST: engine.dockerHost } });
}, limitMs);
afterEach(async () => {
  for (const { name } of await luma.projects()) await luma.api('DELETE', `/projects/${name}`);
  await until('every project to be gone', async () => (await luma.projects()).length === 0);
}, limitMs);
afterAll(async () => {
  await luma?.stop();
  await engine?.stop();
}, limitMs);

const it = (sentence: string, run: () => Promise<void>): void => test(sentence, run, limitMs);
const add = (name: string, more: object = {}): Promise<void> =>
  luma.add({
    ...{ name, docker_image: image, container_port: 8080, idle_timeout: 'never' },
    ...{ stop_timeout: '2s', wake_timeout: '8s', ...more },
  });
const statusOf = async (project: string): Promise<number> => (await luma.get(`${project}.localhost`)).status;
const sleep = async (project: string): Promise<void> => {
  expect((await luma.api('POST', `/projects/${project}/sleep`)).status).toBe(200);
};
const messageOf = async (project: string): Promise<string> =>
  ((await luma.events(project, 'wake_failed'))[0] as { message?: string } | undefined)?.message ?? '';
const untilServed = (project: string): Promise<void> =>
  until(`${project} to be served`, async () => (await statusOf(project)) === 200);
const enginePid = (): number =>
  Number(readFileSync(engine.dockerHost.replace('unix://', '').replace(/docker\.sock$/, 'pid'), 'utf8'));

it('an engine that is killed: awake projects serve on, held requests are answered after its return', async () => {
  await add('killed-awake');
  await add('killed-asleep');
  for (const project of ['killed-awake', 'killed-asleep']) expect(await statusOf(project)).toBe(200);
  await sleep('killed-asleep');
  await engine.kill();
  expect(await statusOf('killed-awake')).toBe(200);
  const held = statusOf('killed-asleep');
  await until('the wake to fail', async () => (await messageOf('killed-asleep')).includes('not reachable'));
  await engine.restart();
  expect(await held).toBe(200);
  // Without live-restore the engine ends every container as it comes up: the next request starts it again.
  await untilServed('killed-awake');
});

it('an engine that hangs: awake projects serve on, others get 503 in time, and are served once it goes on', async () => {
  await add('hung-awake');
  await add('hung-asleep');
  for (const project of ['hung-awake', 'hung-asleep']) expect(await statusOf(project)).toBe(200);
  await sleep('hung-asleep');
  const pid = enginePid();
  process.kill(pid, 'SIGSTOP');
  try {
    const answer = luma.get('hung-asleep.localhost');
    expect(await statusOf('hung-awake')).toBe(200);
    expect((await answer).status).toBe(503);
    expect(await messageOf('hung-asleep')).toContain('hangs');
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await untilServed('hung-asleep');
});

it('a disk that is full: what runs serves on, what needs room fails with the reason, and works once there is some', async () => {
  await add('disk-awake');
  await add('disk-asleep');
  for (const project of ['disk-awake', 'disk-asleep']) expect(await statusOf(project)).toBe(200);
  await sleep('disk-asleep');
  const filler = await docker.createContainer({
    Image: image,
    // Whatever becomes free is taken at once.
    Cmd: ['sh', '-c', 'while :; do cat /dev/zero >>/big; usleep 20000; done'],
  });
  try {
    await filler.start();
    await add('disk-new');
    await until('a preparation to fail for want of disk', async () => {
      await statusOf('disk-new');
      return (await messageOf('disk-new')).includes('no space left');
    });
    expect(await messageOf('disk-new')).toContain('docker system df');
    // A start needs little: the engine may still have it in its own files.
    const answer = await statusOf('disk-asleep');
    if (answer !== 200) expect(await messageOf('disk-asleep')).toContain('docker system df');
    expect(await statusOf('disk-awake')).toBe(200);
  } finally {
    await filler.remove({ force: true });
  }
  for (const project of ['disk-asleep', 'disk-new']) await untilServed(project);
});

it('an image that is removed behind our back: the revision that has it wakes on', async () => {
  await add('image');
  expect(await statusOf('image')).toBe(200);
  await sleep('image');
  await docker.getImage(image).remove({ force: true });
  try {
    expect(await statusOf('image')).toBe(200);
    await sleep('image');
    for (const { RepoTags } of await docker.listImages()) {
      const tag = RepoTags?.find((one) => one.startsWith('luma/sandbox:'));
      if (tag) await docker.getImage(tag).remove({ force: true });
    }
    const filters = { label: ['luma.project=image', 'luma.sandbox'] };
    for (const one of await docker.listContainers({ filters })) {
      await docker.getContainer(one.Id).remove({ force: true });
    }
    expect(await statusOf('image')).toBe(200);
  } finally {
    // Makes what is missing.
    await engine.restart();
  }
});

it('ports that are all taken: the wake that needs one fails with the reason, and works once one is free', async () => {
  await add('ports');
  expect(await statusOf('ports')).toBe(200);
  await sleep('ports');
  const inside = [`--net=${engine.facts['LUMA_ENGINE_NETNS']}`];
  const range = Bun.spawnSync([
    'nsenter',
    ...inside,
    'sysctl',
    '-w',
    'net.ipv4.ip_local_port_range=61000 61003',
  ]);
  expect(range.exitCode).toBe(0);
  // The engine reads the range when it starts.
  await engine.kill();
  await engine.restart();
  const program = `for (const port of [61000, 61001, 61002, 61003]) Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } });
    console.log('taken');`;
  const thief = Bun.spawn(['nsenter', ...inside, process.execPath, '-e', program], { stdout: 'pipe' });
  try {
    await thief.stdout.getReader().read();
    await until('a wake to fail for want of a port', async () => {
      await statusOf('ports');
      return /could not publish the port/.test(await messageOf('ports'));
    });
  } finally {
    thief.kill();
    await thief.exited;
  }
  await untilServed('ports');
});
