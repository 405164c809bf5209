import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { type ApiServer, createApiServer } from '../index.ts';
import { ScriptedControl } from '../scripted-control.ts';
import { type ApiClient, ApiError, createApiClient } from './index.ts';

const failureOf = async (promise: Promise<unknown>): Promise<ApiError> => {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(outcome instanceof ApiError)) throw new Error(`expected an ApiError, got ${String(outcome)}`);
  return outcome;
};

describe('with an API', () => {
  let control: ScriptedControl;
  let api: ApiServer;
  let client: ApiClient;

  beforeEach(async () => {
    control = new ScriptedControl();
    const options = { control, clock: systemClock, log: silentLog, version: '0.1.0' };
    api = await createApiServer({ ...options, hostname: '127.0.0.1', port: 0 });
    client = createApiClient({ baseUrl: `http://localhost:${api.port}/` });
  });

  afterEach(() => api.stop());

  test('does everything there is', async () => {
    const made = await client.createProject({
      name: 'app',
      docker_image: 'nginx',
      hostname: 'app.localhost',
    });
    expect(made.status).toBe('idle');
    expect((await client.listProjects()).map(({ name }) => name)).toEqual(['app']);
    expect((await client.patchProject('app', { idle_timeout: '1m' })).idle_timeout).toBe('1m');
    expect(
      (await client.putProject('app', { docker_image: 'caddy', hostname: 'app.localhost' })).docker_image,
    ).toBe('caddy');
    expect((await client.wake('app')).wake_duration_ms).toBe(123);
    expect((await client.getProject('app')).status).toBe('running');
    expect((await client.sleep('app')).name).toBe('app');
    expect((await client.stop('app')).status).toBe('stopped');
    expect((await client.start('app')).status).toBe('idle');
    expect(await client.events('app')).toEqual([]);
    expect((await client.health()).projects).toBe(1);
    await client.deleteProject('app');
    expect(await client.listProjects()).toEqual([]);
  });

  test('throws what the API said: code, hint, fields, status', async () => {
    const error = await failureOf(
      client.createProject({ name: 'App', hostname: 'x:1', docker_image: 'nginx' }),
    );
    expect(error).toMatchObject({ code: 'validation_failed', status: 422 });
    expect(error.hint).toContain('errors');
    expect(error.errors.map(({ field, code }) => `${field} ${code}`)).toEqual([
      'name not_a_dns_label',
      'hostname has_a_port',
    ]);
    expect(error.fields).toEqual(error.errors);
  });

  test('does not let a name escape its place in the path', async () => {
    for (const name of ['../healthz', 'a/b', '%2e%2e', 'x?y', '']) {
      expect((await failureOf(client.getProject(name))).status).toBe(404);
    }
  });

  test('an aborted call rejects with the reason, and what it asked for is not waited for', async () => {
    const arrived = Promise.withResolvers<void>();
    const abandoned = Promise.withResolvers<void>();
    control.wakeGate = (signal) => {
      signal?.addEventListener('abort', () => abandoned.resolve(), { once: true });
      arrived.resolve();
      // A wake that never ends: the API would wait for it when it stops.
      return abandoned.promise;
    };
    await client.createProject({ name: 'app', docker_image: 'nginx', hostname: 'app.localhost' });
    const leaving = new AbortController();
    const waking = client.wake('app', { signal: leaving.signal });
    await arrived.promise;
    leaving.abort(new Error('enough'));
    await expect(waking).rejects.toThrow('enough');
    await abandoned.promise;
  });

  test('a call that was aborted before is not made', async () => {
    const waking = client.wake('app', { signal: AbortSignal.abort(new Error('enough')) });
    await expect(waking).rejects.toThrow('enough');
    expect(control.calls).toEqual([]);
  });
});

describe('without an API', () => {
  test('says that nothing answers, and how to start it', async () => {
    const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    const { port } = server;
    server.stop(true);
    const error = await failureOf(createApiClient({ baseUrl: `http://127.0.0.1:${port}` }).listProjects());
    expect(error).toMatchObject({ code: 'api_unreachable', status: 0 });
    expect(error.message).toContain(`127.0.0.1:${port}`);
    expect(error.hint).toContain('luma up');
  });

  test('says so when something else answers', async () => {
    for (const response of [
      () => new Response('<html>It works!</html>', { headers: { 'Content-Type': 'text/html' } }),
      () => new Response('nope', { status: 404 }),
      () => new Response('"text"'),
      () => new Response(null, { status: 302, headers: { Location: 'http://elsewhere.invalid/' } }),
    ]) {
      const client = createApiClient({ baseUrl: 'http://x', fetch: async () => response() });
      expect((await failureOf(client.listProjects())).code).toBe('api_protocol');
    }
  });

  test('an answer that breaks off is no answer', async () => {
    const broken = new ReadableStream({
      start(stream) {
        stream.enqueue(new TextEncoder().encode('{"projects":['));
        stream.error(new Error('reset'));
      },
    });
    const client = createApiClient({ baseUrl: 'http://x', fetch: async () => new Response(broken) });
    expect((await failureOf(client.listProjects())).code).toBe('api_unreachable');
  });
});
