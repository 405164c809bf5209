/** Probes on a real Docker Engine: apps that hang, commands in containers, the HEALTHCHECK of an image, a paused container. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import Docker, { type Container } from 'dockerode';
import { type TestEngine, withEngine } from '../engine/engine.ts';
import { Luma, until } from './luma.ts';

let engine: TestEngine;
let docker: Docker;
let luma: Luma;
beforeAll(async () => {
  engine = await withEngine();
  const { dockerHost } = engine;
  docker = new Docker({ socketPath: dockerHost.replace('unix://', '') });
  luma = await Luma.start({ runtime: 'docker', env: { DOCKER_HOST: dockerHost } });
}, 120_000);
afterAll(async () => {
  await luma?.stop();
  await engine?.stop();
}, 120_000);

const quick = { stop_timeout: '1s', idle_timeout: 'never' };

async function containerOf(project: string): Promise<Container> {
  const filters = { label: [`luma.project=${project}`, 'luma.instance'] };
  const [one] = await docker.listContainers({ all: true, filters });
  if (!one) throw new Error(`${project} has no container`);
  return docker.getContainer(one.Id);
}

/** In memory: the next start has it no more. */
async function makeSick(project: string): Promise<void> {
  const exec = await (await containerOf(project)).exec({ Cmd: ['touch', '/dev/shm/sick'] });
  await exec.start({ Detach: true });
}

async function start(project: string): Promise<string | undefined> {
  const answer = await luma.get(`${project}.localhost`);
  expect(answer.status).toBe(200);
  return answer.headers.get('x-app-start');
}

async function untilUnhealthy(project: string): Promise<string> {
  await until('it to be unhealthy', async () => (await luma.events(project, 'unhealthy')).length > 0);
  return (await luma.events(project, 'unhealthy'))[0]?.message ?? '';
}

test('an app that hangs is killed and replaced, and whoever comes meanwhile is answered by the next one', async () => {
  const liveness = { http_get: { path: '/' }, period: '500ms', timeout: '400ms', failure_threshold: 2 };
  await luma.add({ name: 'hangs', ...quick, probes: { liveness } });
  const before = await start('hangs');
  expect((await luma.get('hangs.localhost', '/hang')).status).toBe(200);
  expect(await untilUnhealthy('hangs')).toContain('GET /: no answer within 0.4 s');
  const answers = await Promise.all(Array.from({ length: 10 }, () => luma.get('hangs.localhost')));
  expect(answers.map(({ status }) => status)).toEqual(new Array(10).fill(200));
  expect(await start('hangs')).not.toBe(before);
}, 60_000);

test('commands are run in the container: for a start until they succeed, and to see that it lives', async () => {
  const once = '[ -e /dev/shm/up ] || { touch /dev/shm/up; exit 1; }';
  const startup = { exec: { command: ['sh', '-c', once] } };
  const check = 'if [ -e /dev/shm/sick ]; then echo no database; exit 3; fi';
  const liveness = { exec: { command: ['sh', '-c', check] }, period: '1s', failure_threshold: 1 };
  await luma.add({ name: 'told', ...quick, probes: { startup, liveness } });
  const before = await start('told');
  await makeSick('told');
  expect(await untilUnhealthy('told')).toContain('the command sh: ended with 3, and said: no database');
  expect(await start('told')).not.toBe(before);
}, 60_000);

test('the HEALTHCHECK of an image counts as a liveness probe, and delays no wake', async () => {
  const made = await docker.createContainer({ Image: 'luma-test/app' });
  const check = 'HEALTHCHECK --interval=1s --timeout=1s --retries=1 CMD test ! -e /dev/shm/sick';
  await made.commit({ repo: 'luma-test/checked', changes: check });
  await made.remove();
  await luma.add({ name: 'checked', ...quick, docker_image: 'luma-test/checked' });
  const before = await start('checked');
  // Docker calls it `starting` until its first interval is over: nobody waited for that.
  expect((await (await containerOf('checked')).inspect()).State.Health?.Status).toBeDefined();
  await makeSick('checked');
  expect(await untilUnhealthy('checked')).toContain('the HEALTHCHECK of its image fails');
  expect(await start('checked')).not.toBe(before);
}, 60_000);

test('a HEALTHCHECK that fails from the start on delays nobody, and replaces the instance once it has had its tries', async () => {
  const made = await docker.createContainer({ Image: 'luma-test/app' });
  const check = 'HEALTHCHECK --interval=1s --timeout=1s --retries=1 CMD test ! -e /dev/shm/sick';
  await made.commit({ repo: 'luma-test/early', changes: check });
  await made.remove();
  const { Config } = await docker.getImage('luma-test/early').inspect();
  const app = [...(Config.Entrypoint ?? []), ...(Config.Cmd ?? [])].join(' ');
  // Sick in its first life alone, and slow enough that Docker says so before it answers.
  const script = `[ -e /tmp/once ] || { touch /tmp/once /dev/shm/sick; sleep 3; }; exec ${app}`;
  const command = { entrypoint: ['sh', '-c'], command: [script] };
  await luma.add({ name: 'early', ...quick, docker_image: 'luma-test/early', ...command });
  const before = await start('early');
  expect((await (await containerOf('early')).inspect()).State.Health?.Status).toBe('unhealthy');
  expect(await untilUnhealthy('early')).toContain('the HEALTHCHECK of its image fails');
  await until('the next life', async () => (await start('early')) !== before);
  await luma.killServer();
  const last = await start('early');
  await makeSick('early');
  const health = async () => (await (await containerOf('early')).inspect()).State.Health?.Status;
  await until('Docker to say so', async () => (await health()) === 'unhealthy');
  expect(await start('early')).toBe(last);
  // It failed while nobody heard it: the next server replaces it.
  await luma.startServer();
  // As unhealthy, or because the killed server had not yet written that it is to go on.
  await until('the other one', async () => (await start('early')) !== last);
}, 90_000);

test('a container that somebody pauses is resumed, and not taken for one that hangs', async () => {
  const liveness = { http_get: { path: '/' }, period: '500ms', timeout: '400ms' };
  await luma.add({ name: 'paused', ...quick, probes: { liveness } });
  const before = await start('paused');
  await (await containerOf('paused')).pause();
  expect(await start('paused')).toBe(before);
  await until('it to run again', async () => !(await (await containerOf('paused')).inspect()).State.Paused);
  expect(await luma.events('paused', 'unhealthy')).toEqual([]);
}, 60_000);
