/** The API over the real control plane, on a fake engine, a proxy in memory and the memory store. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { type ApiClient, ApiError, createApiClient } from '../../../src/api/client/index.ts';
import { type ApiServer, createApiServer } from '../../../src/api/index.ts';
import { silentLog } from '../../../src/base/log.ts';
import { Platform } from '../../../src/control/rehearsal/platform.ts';

let platform: Platform;
let api: ApiServer;
let client: ApiClient;

beforeEach(async () => {
  platform = await new Platform().open();
  const { control, clock } = platform;
  api = await createApiServer({
    control,
    clock,
    log: silentLog,
    hostname: '127.0.0.1',
    port: 0,
    version: '0.1.0',
  });
  client = createApiClient({ baseUrl: `http://127.0.0.1:${api.port}` });
});

afterEach(async () => {
  await api.stop();
  await platform.during(platform.control.close({ stopInstances: true, timeoutMs: 1_000 }));
});

/** The sockets are real and the clock is not: both move on until the promise settles. */
async function during<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (let step = 0; !isSettled; step++) {
    if (step > 20_000) throw new Error('it never ends');
    // Slow enough for the sockets: a busy machine must not see minutes go by during one answer.
    await Bun.sleep(1);
    await platform.clock.advance(5);
  }
  return promise;
}

async function refusalOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await during(promise).catch((cause: unknown) => cause);
  if (!(error instanceof ApiError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}

const app = { name: 'app', docker_image: 'app:1', hostname: 'app.localhost', container_port: 80 };

test('a project lives: registered, woken, slept, stopped, started, changed, deleted', async () => {
  expect((await during(client.createProject(app))).hostnames).toEqual(['app.localhost']);
  const woken = await during(client.wake('app'));
  expect([woken.status, woken.instances.length]).toEqual(['running', 1]);
  expect(woken.instances[0]).toMatchObject({ state: 'running', revision: 1 });
  expect((await during(client.wake('app'))).wake_duration_ms).toBe(0);
  expect((await during(client.sleep('app'))).status).toBe('idle');
  expect((await during(client.stop('app'))).status).toBe('stopped');
  expect(await refusalOf(client.wake('app'))).toMatchObject({ code: 'project_stopped', status: 409 });
  expect((await during(client.start('app'))).status).toBe('idle');
  expect((await during(client.patchProject('app', { env_vars: { A: '1' } }))).revision).toBe(2);
  expect((await during(client.patchProject('app', { idle_timeout: '1m' }))).revision).toBe(2);
  const kinds = (await during(client.events('app'))).map(({ kind }) => kind);
  for (const kind of ['created', 'prepared', 'woken', 'slept', 'started', 'updated']) {
    expect(kinds).toContain(kind as (typeof kinds)[number]);
  }
  await during(client.deleteProject('app'));
  expect(await refusalOf(client.getProject('app'))).toMatchObject({ code: 'project_not_found', status: 404 });
});

test('dependencies are checked, and a project that others need stays', async () => {
  await during(client.createProject(app));
  const web = { ...app, name: 'web', hostname: 'web.localhost', depends_on: [{ project: 'app' }] };
  const unknown = await refusalOf(client.createProject({ ...web, depends_on: [{ project: 'db' }] }));
  expect(unknown).toMatchObject({ code: 'dependency_unknown', status: 422 });
  expect(unknown.fields).toMatchObject([{ field: 'depends_on.0.project', value: 'db' }]);
  await during(client.createProject(web));
  const circle = await refusalOf(client.patchProject('app', { depends_on: [{ project: 'web' }] }));
  expect(circle).toMatchObject({
    code: 'dependency_cycle',
    status: 422,
    details: { cycle: ['app', 'web', 'app'] },
  });
  const needed = await refusalOf(client.deleteProject('app'));
  expect(needed).toMatchObject({
    code: 'project_depended_on',
    status: 409,
    details: { dependents: ['web'] },
  });
  await during(client.wake('web'));
  expect((await during(client.getProject('app'))).kept_awake).toEqual([
    { by: 'dependents', projects: ['web'] },
  ]);
  await during(client.deleteProject('web'));
  await during(client.deleteProject('app'));
});

test('a taken name and a taken hostname are refused, and the owner is named', async () => {
  await during(client.createProject(app));
  const sameName = await refusalOf(client.createProject({ ...app, hostname: 'b.localhost' }));
  expect(sameName).toMatchObject({ code: 'project_exists', status: 409 });
  const sameHost = await refusalOf(client.createProject({ ...app, name: 'late' }));
  expect(sameHost).toMatchObject({ code: 'hostname_taken', status: 409 });
  expect(sameHost.message).toContain('app');
  expect((await during(client.listProjects())).map(({ name }) => name)).toEqual(['app']);
});

test('a taken hostname in a PATCH changes nothing', async () => {
  await during(client.createProject(app));
  await during(client.createProject({ ...app, name: 'b', hostname: 'b.localhost' }));
  const before = await during(client.getProject('b'));
  const error = await refusalOf(client.patchProject('b', { hostname: 'app.localhost' }));
  expect(error).toMatchObject({ code: 'hostname_taken', status: 409 });
  expect(await during(client.getProject('b'))).toEqual(before);
});

test('PUT creates and replaces', async () => {
  const { name, ...settings } = app;
  expect((await during(client.putProject(name, settings))).revision).toBe(1);
  expect((await during(client.putProject(name, { ...settings, docker_image: 'app:2' }))).revision).toBe(2);
});

test('events are followed as they happen', async () => {
  await during(client.createProject(app));
  const leaving = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { kind } of client.followEvents('app', { after: 0, signal: leaving.signal })) {
      seen.push(kind);
      if (kind === 'woken') leaving.abort();
    }
  })();
  await during(client.wake('app'));
  await during(reading);
  expect(seen[0]).toBe('created');
  expect(seen.at(-1)).toBe('woken');
});

test('health says what is connected', async () => {
  expect(await during(client.health())).toMatchObject({ status: 'ok', proxy: 'connected', projects: 0 });
  platform.proxy.disconnect();
  expect(await during(client.health())).toMatchObject({ status: 'degraded', proxy: 'disconnected' });
});
