/** Private images: a real registry with accounts, a real engine, the credentials from the API to the pull. */
import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { Luma, until } from '../../e2e/luma.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type TestRegistry, withRegistry } from '../../engine/registry.ts';
import { clientOf } from './subject.ts';

const limitMs = 120_000;
const password = 'correct-horse-battery-staple';
const account = { username: 'ops', password };
let engine: TestEngine;
let registry: TestRegistry;
let docker: Docker;
let luma: Luma;

beforeAll(async () => {
  engine = await withEngine({ isPrivate: true });
  docker = clientOf(engine);
  registry = await withRegistry(engine, account);
  luma = await Luma.start({ runtime: 'docker', apart: true, env: { DOCKER_HOST: engine.dockerHost } });
}, limitMs);
afterAll(async () => {
  await luma?.stop();
  await registry?.stop();
  await engine?.stop();
}, limitMs);

const it = (sentence: string, run: () => Promise<void>): void => test(sentence, run, limitMs);
const add = (name: string, image: string): Promise<void> =>
  luma.add({ name, docker_image: image, container_port: 8080, idle_timeout: 'never', stop_timeout: '1s' });
const login = (credentials: object) => luma.api('PUT', `/registries/${registry.host}`, credentials);
const failureOf = async (project: string): Promise<{ code: string; message: string }> => {
  await luma.untilStatus(project, 'failed');
  return (await luma.api('GET', `/projects/${project}`)).json['failure'] as { code: string; message: string };
};
const serves = (project: string): Promise<void> =>
  until(`${project} to answer`, async () => (await luma.get(`${project}.localhost`)).status === 200);

it('without credentials the pull is denied, in words that say what to do', async () => {
  const image = await registry.push('luma-test/busybox', 'team/private', 'v1');
  await add('denied', image);
  const failure = await failureOf('denied');
  expect(failure.code).toBe('image_pull_denied');
  expect(failure.message).toContain(`${registry.host} does not let Luma pull ${image}`);
});

it('credentials that the registry does not take are refused, and not kept', async () => {
  for (const wrong of [{ ...account, password: 'wrong-password' }, { identity_token: 'wrong-token' }]) {
    const { status, json } = await login(wrong);
    expect([status, json['code']]).toEqual([422, 'registry_login_denied']);
    expect(String(json['detail'])).toContain(`${registry.host} does not take these credentials`);
  }
  const nowhere = await luma.api('PUT', '/registries/127.0.0.1:5999', account);
  expect([nowhere.status, nowhere.json['code']]).toEqual([502, 'registry_unreachable']);
  expect(String(nowhere.json['hint'])).toContain('--unverified');
  expect((await luma.api('GET', '/registries')).json['registries']).toEqual([]);
  expect(luma.output()).not.toContain('wrong-password');
});

it('wrong credentials that were stored unseen are told apart from none', async () => {
  const wrong = { ...account, password: 'wrong-password' };
  expect((await luma.api('PUT', `/registries/${registry.host}?verify=false`, wrong)).status).toBe(200);
  const image = await registry.push('luma-test/busybox', 'team/wrong', 'v1');
  await add('wrong', image);
  expect((await failureOf('wrong')).code).toBe('image_pull_denied');
  expect(luma.output()).not.toContain('wrong-password');
});

it('with credentials the same project answers, pinned to its digest', async () => {
  expect((await login(account)).status).toBe(200);
  await serves('denied');
  const { json } = await luma.api('GET', '/projects/denied/revisions');
  const [revision] = json['revisions'] as { pinned_image: string }[];
  expect(revision?.pinned_image).toMatch(/^127\.0\.0\.1:5000\/team\/private@sha256:[0-9a-f]{64}$/);
});

it('after a restart the credentials still pull, by digest, what was removed behind our back', async () => {
  await luma.interruptServer();
  await luma.startServer();
  for (const { Id, Labels } of await docker.listContainers({ all: true })) {
    if (Labels['luma.project'] === 'denied') await docker.getContainer(Id).remove({ force: true });
  }
  const { json } = await luma.api('GET', '/projects/denied/revisions');
  const [revision] = json['revisions'] as { pinned_image: string }[];
  await docker.getImage(revision?.pinned_image ?? '').remove({ force: true });
  await until('the image to be forgotten', async () => {
    const digests = (await docker.listImages()).flatMap(({ RepoDigests }) => RepoDigests ?? []);
    return !digests.some((digest) => digest.includes('team/private'));
  });
  await serves('denied');
});

it('the password is in no answer, event, log line or file', async () => {
  const answers = [
    await luma.api('GET', '/registries'),
    await luma.api('GET', `/registries/${registry.host}`),
    await luma.api('GET', '/projects/denied'),
  ];
  const told = JSON.stringify([answers, await luma.events('denied'), await luma.events('wrong')]);
  expect(told).toContain(registry.host);
  expect(told).not.toContain(password);
  expect(luma.output()).not.toContain(password);
  for (const name of readdirSync(luma.dataDir, { recursive: true, encoding: 'utf8' })) {
    const path = join(luma.dataDir, name);
    if (!statSync(path).isFile()) continue;
    expect([name, readFileSync(path, 'latin1').includes(password)]).toEqual([name, false]);
  }
});

it('a pull that ends while the database is locked: the old revision serves, the new one when it can be written', async () => {
  const kinds = async (): Promise<string[]> => (await luma.events('denied')).map(({ kind }) => kind);
  const health = async () => (await luma.api('GET', '/healthz')).json;
  const instances = async (): Promise<string> => {
    const { json } = await luma.api('GET', '/projects/denied');
    const all = json['instances'] as { revision: number; state: string }[];
    return all.map(({ revision, state }) => `${revision} ${state}`).join();
  };
  const image = await registry.push('luma-test/busybox', 'team/next', 'v2');
  registry.hang();
  const deployed = await luma.api('PATCH', '/projects/denied', { docker_image: image });
  expect([deployed.status, await instances()]).toEqual([200, '1 running,2 preparing']);
  await until('the pull to begin', async () => (await kinds()).includes('preparing'));
  const other = new Database(join(luma.dataDir, 'luma.db'));
  other.run('begin immediate');
  try {
    registry.goOn();
    await until('the image', async () => {
      const tags = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
      return tags.includes(image);
    });
    // Not of the events, which are behind before: of the digest.
    await until('the wait for the store', async () => luma.output().includes('the store cannot be written'));
    expect((await health())['store']).toBe('behind');
    for (let turn = 0; turn < 10; turn++) expect((await luma.get('denied.localhost')).status).toBe(200);
    expect(await instances()).toBe('1 running,2 preparing');
  } finally {
    other.run('rollback');
    other.close(true);
  }
  await until('the switch', async () => (await instances()) === '2 running');
  const { json } = await luma.api('GET', '/projects/denied/revisions');
  const [newest] = json['revisions'] as { pinned_image: string }[];
  expect(newest?.pinned_image).toContain('team/next@sha256:');
  const told = await kinds();
  expect([told.includes('switched'), told.includes('switch_failed')]).toEqual([true, false]);
});

it('once forgotten, nothing is sent any more', async () => {
  expect((await luma.api('DELETE', `/registries/${registry.host}`)).status).toBe(204);
  await add('again', await registry.push('luma-test/busybox', 'team/again', 'v1'));
  expect((await failureOf('again')).code).toBe('image_pull_denied');
});
