import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { systemClock } from '../base/clock.ts';
import { LumaError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { type ApiServer, createApiServer } from './index.ts';
import { ScriptedControl } from './scripted-control.ts';

let control: ScriptedControl;
let api: ApiServer;

beforeEach(async () => {
  control = new ScriptedControl();
  api = await createApiServer({
    control,
    clock: systemClock,
    log: silentLog,
    hostname: '127.0.0.1',
    port: 0,
    version: '0.1.0',
    urlOf: (hostname) => `http://${hostname}:8080`,
  });
});

afterEach(() => api.stop());

const seed = {
  name: 'my-nginx-app',
  docker_image: 'nginxdemos/hello',
  env_vars: { APP_ENV: 'development' },
  container_port: 80,
  hostname: 'myapp.localhost',
};

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  json: any;
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${api.port}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text ? JSON.parse(text) : null };
}

describe('POST /projects', () => {
  test('registers the example of the README, with every default filled in', async () => {
    const { status, headers, json } = await call('POST', '/projects', seed);
    expect(status).toBe(201);
    expect(headers.get('Location')).toBe('/projects/my-nginx-app');
    expect(json).toEqual({
      ...seed,
      hostnames: ['myapp.localhost'],
      command: null,
      entrypoint: null,
      working_dir: null,
      idle_timeout: '20s',
      wake_timeout: '1m',
      wait_mode: 'hold',
      quiet_rules: [],
      min_instances: 0,
      max_instances: 100,
      concurrency: 80,
      target_utilization: 0.7,
      session_affinity: false,
      freeze_after: 'never',
      depends_on: [],
      group: null,
      schedules: [],
      kept_awake: [],
      waits_for: [],
      stop_timeout: '10s',
      ssl: false,
      ssl_redirect: true,
      response_timeout: '5m',
      forward_headers: false,
      path_prefix: '/',
      sticky_traffic: false,
      health_check: null,
      probes: { startup: null, liveness: null, readiness: null },
      status: 'idle',
      failure: null,
      switch_failure: null,
      revision: 1,
      traffic: [
        {
          ...{ revision: 1, latest: true, percent: 100, wanted_percent: 100, tag: null },
          ...{ hosts: [], urls: [], status: 'idle', failure: null },
        },
      ],
      instances: [],
      url: 'http://myapp.localhost:8080',
      created_at: '2023-11-14T22:13:20.000Z',
      updated_at: '2023-11-14T22:13:20.001Z',
    });
  });

  test('takes every optional field', async () => {
    const route = {
      ...{ ssl: true, ssl_redirect: false, response_timeout: 'never' },
      ...{ forward_headers: true, path_prefix: '/api' },
    };
    const { status, json } = await call('POST', '/projects', {
      ...seed,
      docker_image: `registry.example.com:5000/team/app:1.2@sha256:${'a'.repeat(64)}`,
      hostnames: ['MyApp.localhost', '*.apps.localhost', 'b.example.com'],
      command: ['serve', ''],
      entrypoint: ['/bin/app'],
      working_dir: '/srv',
      idle_timeout: 'never',
      wake_timeout: '1h30m',
      stop_timeout: '0s',
      health_check: { path: '/healthz?full=1', timeout: '500ms' },
      ...route,
    });
    expect(status).toBe(201);
    expect(json).toMatchObject(route);
    expect(json).toMatchObject({
      hostname: 'myapp.localhost',
      hostnames: ['myapp.localhost', '*.apps.localhost', 'b.example.com'],
      command: ['serve', ''],
      idle_timeout: 'never',
      wake_timeout: '1h30m',
      stop_timeout: '0s',
      health_check: { path: '/healthz?full=1', timeout: '500ms' },
    });
  });

  test('takes dependencies, a group and schedules, tells why it is kept, and takes its own answer back', async () => {
    control.keeps = [
      { by: 'schedule', until: Date.parse('2026-01-05T17:00:00Z') },
      { by: 'dependents', projects: ['shop'] },
      { by: 'group', projects: ['web'] },
    ];
    control.waitsFor = ['db'];
    const { status, json } = await call('POST', '/projects', {
      ...seed,
      depends_on: [{ project: 'db' }, { project: 'cache', condition: 'started' }],
      group: 'shop',
      schedules: [
        { cron: '0  8 * * MON-FRI', keep_awake: '10h', time_zone: 'Europe/Berlin' },
        { cron: '55 23 * * *', wake: true },
      ],
    });
    const keeping = {
      depends_on: [
        { project: 'db', condition: 'ready' },
        { project: 'cache', condition: 'started' },
      ],
      group: 'shop',
      schedules: [
        { cron: '0 8 * * MON-FRI', time_zone: 'Europe/Berlin', keep_awake: '10h' },
        { cron: '55 23 * * *', time_zone: null, wake: true },
      ],
    };
    expect(status).toBe(201);
    expect(json).toMatchObject({
      ...keeping,
      kept_awake: [
        { by: 'schedule', until: '2026-01-05T17:00:00.000Z' },
        { by: 'dependents', projects: ['shop'] },
        { by: 'group', projects: ['web'] },
      ],
      waits_for: ['db'],
    });
    const again = await call('PATCH', '/projects/my-nginx-app', keeping);
    expect(again.json).toMatchObject(keeping);
    const none = await call('PATCH', '/projects/my-nginx-app', {
      depends_on: null,
      group: null,
      schedules: null,
    });
    expect(none.json).toMatchObject({ depends_on: [], group: null, schedules: [] });
  });

  test('fills in the defaults of probes, and takes back what it answers', async () => {
    const probes = {
      startup: { exec: { command: ['/bin/check'] } },
      liveness: { http_get: { path: '/live', headers: { Host: 'me' } }, period: '500ms' },
      readiness: { tcp_socket: {}, timeout: '2s', failure_threshold: 1, success_threshold: 2 },
    };
    const { status, json } = await call('POST', '/projects', { ...seed, probes });
    expect(status).toBe(201);
    const filled = {
      startup: {
        ...{ http_get: null, tcp_socket: null, exec: { command: ['/bin/check'] } },
        ...{ initial_delay: '0s', timeout: '5s', period: '10s', failure_threshold: null },
      },
      liveness: {
        ...{ http_get: { path: '/live', port: null, headers: { Host: 'me' } }, tcp_socket: null, exec: null },
        ...{ initial_delay: '0s', timeout: '500ms', period: '500ms', failure_threshold: 3 },
      },
      readiness: {
        ...{ http_get: null, tcp_socket: { port: null }, exec: null },
        ...{ initial_delay: '0s', timeout: '2s', period: '10s' },
        ...{ failure_threshold: 1, success_threshold: 2 },
      },
    };
    expect(json.probes).toEqual(filled);
    const patched = await call('PATCH', '/projects/my-nginx-app', { probes: json.probes });
    expect(patched.json.probes).toEqual(filled);
    const short = await call('PATCH', '/projects/my-nginx-app', { health_check: { path: '/up' } });
    expect(short.json.errors).toMatchObject([{ field: 'health_check', code: 'not_allowed' }]);
    expect((await call('PATCH', '/projects/my-nginx-app', { probes: null })).json.probes.liveness).toBeNull();
  });

  test('fills in the defaults of quiet rules, and a patch with null takes them away', async () => {
    const rules = [
      { path: '/up*', methods: ['GET', 'HEAD', 'GET'] },
      { user_agent: 'Uptime', client: 'fd00::/8', answer: { status: 204 } },
    ];
    const { json } = await call('POST', '/projects', { ...seed, wait_mode: 'page', quiet_rules: rules });
    expect(json).toMatchObject({
      wait_mode: 'page',
      quiet_rules: [
        {
          path: '/up*',
          methods: ['GET', 'HEAD'],
          user_agent: null,
          client: null,
          answer: { status: 200, body: '' },
        },
        {
          path: null,
          methods: null,
          user_agent: 'Uptime',
          client: 'fd00::/8',
          answer: { status: 204, body: '' },
        },
      ],
    });
    const kept = await call('PATCH', '/projects/my-nginx-app', { wait_mode: 'reject' });
    expect([kept.json['wait_mode'], (kept.json['quiet_rules'] as unknown[]).length]).toEqual(['reject', 2]);
    const reset = await call('PATCH', '/projects/my-nginx-app', { wait_mode: null, quiet_rules: null });
    expect([reset.json['wait_mode'], reset.json['quiet_rules']]).toEqual(['hold', []]);
  });

  test('takes a command in the place of an image, and no port', async () => {
    const { status, json } = await call('POST', '/projects', {
      name: 'app',
      command: ['bun', 'server.ts'],
      hostname: 'app.localhost',
      docker_image: null,
    });
    expect(status).toBe(201);
    expect(json).toMatchObject({ docker_image: null, command: ['bun', 'server.ts'], container_port: null });
  });

  test('says whose the name or the hostname is when it is taken', async () => {
    await call('POST', '/projects', seed);
    const sameName = await call('POST', '/projects', { ...seed, hostname: 'other.localhost' });
    expect(sameName.status).toBe(409);
    expect(sameName.headers.get('Content-Type')).toBe('application/problem+json');
    expect(sameName.json).toMatchObject({ status: 409, code: 'project_exists', errors: [{ field: 'name' }] });
    const sameHost = await call('POST', '/projects', { ...seed, name: 'late' });
    expect(sameHost.status).toBe(409);
    expect(sameHost.json).toMatchObject({
      type: 'urn:luma:problem:hostname_taken',
      code: 'hostname_taken',
      detail: 'the hostname myapp.localhost belongs to project my-nginx-app',
      details: { hostname: 'myapp.localhost', owner: 'my-nginx-app' },
      errors: [{ field: 'hostname', code: 'hostname_taken' }],
    });
  });

  test('names every bad field at once', async () => {
    const { status, json } = await call('POST', '/projects', {
      name: 'My App',
      docker_image: 'not an image',
      env_vars: { PORT: '1', 'a-b': 'x', OK: 5 },
      container_port: 70_000,
      hostname: 'http://x',
      idle_timeout: 20,
      wake_timeout: '1s',
      health_check: { timeout: '1s', pth: '/' },
      dockerImage: 'x',
    });
    expect(status).toBe(422);
    const codes = Object.fromEntries(
      json.errors.map((e: { field: string; code: string }) => [e.field, e.code]),
    );
    expect(codes).toEqual({
      name: 'not_a_dns_label',
      docker_image: 'not_an_image',
      'env_vars.PORT': 'reserved',
      'env_vars.a-b': 'not_a_variable',
      'env_vars.OK': 'wrong_type',
      container_port: 'out_of_range',
      hostname: 'not_a_hostname',
      idle_timeout: 'wrong_type',
      wake_timeout: 'wake_not_longer_than_stop',
      'health_check.path': 'required',
      'health_check.pth': 'unknown_field',
      dockerImage: 'unknown_field',
    });
    expect(json.errors.find((e: { field: string }) => e.field === 'dockerImage').message).toContain(
      'did you mean docker_image?',
    );
  });

  test('passes on what the runtime refuses', async () => {
    const field = { field: 'docker_image', code: 'runtime_cannot_run_images', message: 'needs Docker' };
    const refusal = new LumaError('runtime_cannot_run_images', 'the process runtime runs no images', {
      hint: 'Give a command instead.',
      fields: [field],
    });
    control.failures.set('createProject', refusal);
    const { status, json } = await call('POST', '/projects', seed);
    expect(status).toBe(422);
    expect(json).toMatchObject({
      code: 'runtime_cannot_run_images',
      hint: 'Give a command instead.',
      errors: [field],
    });
  });
});

describe('reading', () => {
  test('lists and gets projects', async () => {
    expect((await call('GET', '/projects')).json).toEqual({ projects: [] });
    const made = (await call('POST', '/projects', seed)).json;
    expect((await call('GET', '/projects')).json).toEqual({ projects: [made] });
    expect((await call('GET', '/projects/my-nginx-app')).json).toEqual(made);
  });

  test('lists them by name, in whatever order they came', async () => {
    for (const name of ['web', 'api', 'a0']) {
      await call('POST', '/projects', { ...seed, name, hostname: `${name}.localhost` });
    }
    const { projects } = (await call('GET', '/projects')).json;
    expect(projects.map((project: { name: string }) => project.name)).toEqual(['a0', 'api', 'web']);
  });

  test('tells instances and why a start failed', async () => {
    await call('POST', '/projects', seed);
    control.statusName = 'failed';
    control.failure = { code: 'instance_exited', message: 'exited with code 3', logLines: ['oh no'], at: 0 };
    control.switchFailure = { code: 'image_not_found', message: 'no such image', logLines: [], at: 0 };
    const seen = { state: 'failed', isReady: false, health: null, address: null, since: 1_000 };
    control.instances = [{ instanceId: 'i-1', revision: 1, ...seen }];
    expect((await call('GET', '/projects/my-nginx-app')).json).toMatchObject({
      status: 'failed',
      failure: {
        code: 'instance_exited',
        message: 'exited with code 3',
        log_lines: ['oh no'],
        at: '1970-01-01T00:00:00.000Z',
      },
      switch_failure: { code: 'image_not_found', message: 'no such image' },
      instances: [
        { id: 'i-1', revision: 1, state: 'failed', address: null, since: '1970-01-01T00:00:01.000Z' },
      ],
    });
  });

  test('answers 404 for an unknown project everywhere', async () => {
    for (const [method, path] of [
      ['GET', '/projects/nobody'],
      ['DELETE', '/projects/nobody'],
      ['POST', '/projects/nobody/wake'],
      ['POST', '/projects/nobody/sleep'],
      ['POST', '/projects/nobody/stop'],
      ['POST', '/projects/nobody/start'],
      ['GET', '/projects/nobody/logs'],
      ['GET', '/projects/nobody/logs?follow'],
      ['GET', '/projects/nobody/events'],
      ['GET', '/projects/nobody/events?follow'],
    ] as const) {
      const { status, json } = await call(method, path);
      expect([path, status, json.code]).toEqual([path, 404, 'project_not_found']);
    }
    expect((await call('PATCH', '/projects/nobody', {})).status).toBe(404);
  });

  test('answers HEAD as GET without the body, also for a stream, which it does not leave open', async () => {
    await call('POST', '/projects', seed);
    const response = await fetch(`http://127.0.0.1:${api.port}/projects/my-nginx-app/events?follow`, {
      method: 'HEAD',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('text/event-stream');
    expect(await response.text()).toBe('');
    expect(control.listenerCount).toBe(0);
  });

  test('says how it is', async () => {
    const { status, json } = await call('GET', '/healthz');
    expect(status).toBe(200);
    expect(json).toMatchObject({ status: 'ok', proxy: 'connected', runtime: { kind: 'fake' } });
  });

  test('keeps its answers out of caches and other pages', async () => {
    const { headers } = await call('GET', '/projects');
    expect(headers.get('Cache-Control')).toBe('no-store');
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
    expect(headers.get('Access-Control-Allow-Origin')).toBeNull();
  });
});

describe('revisions', () => {
  test('are listed with what they run and what they get, but not with the values of their variables', async () => {
    await call('POST', '/projects', { ...seed, env_vars: { SECRET: 'x', APP_ENV: 'y' } });
    const { status, json } = await call('GET', '/projects/my-nginx-app/revisions');
    expect(status).toBe(200);
    expect(json.revisions).toMatchObject([
      { revision: 1, docker_image: 'nginxdemos/hello', pinned_image: 'sha256:1', percent: 100, tags: [] },
    ]);
    expect(json.revisions[0].env_names).toEqual(['APP_ENV', 'SECRET']);
    expect(JSON.stringify(json)).not.toContain('"x"');
  });

  test('are gone back to, one or to any', async () => {
    await call('POST', '/projects', seed);
    await call('PATCH', '/projects/my-nginx-app', { container_port: 8080 });
    const back = await call('POST', '/projects/my-nginx-app/rollback', {});
    expect([back.status, back.json.revision]).toEqual([200, 1]);
    const named = await call('POST', '/projects/my-nginx-app/rollback', { revision: 7, verify: false });
    expect(named.json.revision).toBe(7);
  });

  test('are refused by number, and a slip of the pen with what was meant', async () => {
    await call('POST', '/projects', seed);
    const wrong = await call('POST', '/projects/my-nginx-app/rollback', { revison: 1, verify: 'no' });
    expect(wrong.status).toBe(422);
    expect(wrong.json.errors.map((error: { field: string }) => error.field).sort()).toEqual([
      'revison',
      'verify',
    ]);
    control.failures.set('rollback', new LumaError('revision_not_found', 'app has no revision 9 (any more)'));
    const gone = await call('POST', '/projects/my-nginx-app/rollback', { revision: 9 });
    expect([gone.status, gone.json.code]).toEqual([404, 'revision_not_found']);
  });

  test('are tried on a sleeping project unless told not to', async () => {
    await call('POST', '/projects', seed);
    await call('PATCH', '/projects/my-nginx-app?verify=false', { container_port: 8080 });
    await call('PATCH', '/projects/my-nginx-app', { container_port: 8081 });
    expect(control.deploys).toMatchObject([{ verify: false }, { verify: true }]);
    expect((await call('PATCH', '/projects/my-nginx-app?verify=perhaps', {})).status).toBe(422);
  });

  test('are deployed without traffic and with a tag where that is asked', async () => {
    await call('POST', '/projects', seed);
    await call('PATCH', '/projects/my-nginx-app?no_traffic=true&tag=next', { container_port: 8080 });
    await call('PUT', '/projects/my-nginx-app?no_traffic', { ...seed, container_port: 8081 });
    expect(control.deploys).toEqual([
      { verify: true, noTraffic: true, tag: 'next' },
      { verify: true, noTraffic: true, tag: null },
    ]);
    const wrong = await call('PATCH', '/projects/my-nginx-app?tag=Next!', {});
    expect(wrong.json.errors).toMatchObject([{ field: 'tag', code: 'not_a_tag' }]);
  });
});

describe('PATCH', () => {
  beforeEach(async () => {
    await call('POST', '/projects', {
      ...seed,
      hostnames: ['myapp.localhost', 'second.localhost'],
      command: ['serve'],
      health_check: { path: '/up', timeout: '1s' },
    });
  });

  const patch = (changes: object) => call('PATCH', '/projects/my-nginx-app', changes);

  test('turns HTTPS on without forgetting how HTTP is answered, and null resets each field', async () => {
    await patch({ ssl_redirect: false, response_timeout: '90s' });
    expect((await patch({ ssl: true })).json).toMatchObject({
      ssl: true,
      ssl_redirect: false,
      response_timeout: '1m30s',
    });
    expect((await patch({ ssl: null, ssl_redirect: null, response_timeout: null })).json).toMatchObject({
      ssl: false,
      ssl_redirect: true,
      response_timeout: '5m',
    });
  });

  test('changes what is given and nothing else', async () => {
    const before = (await call('GET', '/projects/my-nginx-app')).json;
    const { status, json } = await patch({ idle_timeout: '5m', container_port: 8080 });
    expect(status).toBe(200);
    expect(json).toEqual({
      ...before,
      idle_timeout: '5m',
      container_port: 8080,
      revision: 2,
      traffic: [{ ...before.traffic[0], revision: 2 }],
      updated_at: json.updated_at,
    });
  });

  test('replaces a field whole', async () => {
    expect((await patch({ env_vars: { COLOUR: 'blue' } })).json.env_vars).toEqual({ COLOUR: 'blue' });
    expect((await patch({ health_check: { path: '/ready' } })).json.health_check).toEqual({
      path: '/ready',
      timeout: '5s',
    });
  });

  test('null resets to the default', async () => {
    const { json } = await patch({ command: null, env_vars: null, health_check: null, container_port: null });
    expect(json).toMatchObject({ command: null, env_vars: {}, health_check: null, container_port: null });
  });

  test('hostname changes the primary one, hostnames all', async () => {
    expect((await patch({ hostname: 'new.localhost' })).json.hostnames).toEqual([
      'new.localhost',
      'second.localhost',
    ]);
    expect((await patch({ hostnames: ['x.localhost', 'y.localhost'] })).json.hostname).toBe('x.localhost');
    expect((await patch({ hostname: 'z.localhost', hostnames: ['x.localhost'] })).json.hostnames).toEqual([
      'z.localhost',
      'x.localhost',
    ]);
    expect((await patch({ hostname: null })).json.hostnames).toEqual(['x.localhost']);
  });

  test('refuses what would leave the project impossible', async () => {
    for (const [changes, field] of [
      [{ hostname: null, hostnames: null }, 'hostname'],
      [{ docker_image: null, command: null }, 'docker_image'],
      [{ stop_timeout: '2m' }, 'stop_timeout'],
      [{ wake_timeout: '10s' }, 'wake_timeout'],
      [{ name: 'another' }, 'name'],
    ] as const) {
      const { status, json } = await patch(changes);
      expect([status, json.errors?.[0]?.field]).toEqual([422, field]);
    }
    expect((await call('GET', '/projects/my-nginx-app')).json.revision).toBe(1);
  });

  test('of many at once loses none', async () => {
    await Promise.all([
      patch({ env_vars: { A: '1' } }),
      patch({ idle_timeout: '1m' }),
      patch({ container_port: 81 }),
      patch({ working_dir: '/w' }),
    ]);
    expect((await call('GET', '/projects/my-nginx-app')).json).toMatchObject({
      env_vars: { A: '1' },
      idle_timeout: '1m',
      container_port: 81,
      working_dir: '/w',
      revision: 5,
    });
  });
});

describe('PUT', () => {
  const { name: _, ...settings } = seed;

  test('creates, then replaces', async () => {
    const made = await call('PUT', '/projects/app', { ...settings, idle_timeout: '1m' });
    expect([made.status, made.headers.get('Location')]).toEqual([201, '/projects/app']);
    const replaced = await call('PUT', '/projects/app', { ...settings, name: 'app' });
    expect([replaced.status, replaced.json.revision, replaced.json.idle_timeout]).toEqual([200, 2, '20s']);
  });

  test('of the same new project many times at once creates it once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => call('PUT', '/projects/app', settings)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 201]);
  });

  test('finds a project that was made under its hands', async () => {
    control.failures.set('replaceProject', new LumaError('project_not_found', 'not yet'));
    await call('POST', '/projects', { ...seed, name: 'app' });
    expect((await call('PUT', '/projects/app', settings)).status).toBe(200);
  });

  test('refuses another name than that of the path, and an impossible one', async () => {
    expect((await call('PUT', '/projects/app', { ...settings, name: 'other' })).json.errors[0]).toMatchObject(
      {
        field: 'name',
        code: 'immutable',
      },
    );
    const impossible = await call('PUT', '/projects/App_1', settings);
    expect([impossible.status, impossible.json.errors[0].field]).toEqual([422, 'name']);
    expect(control.stored()).toBe('[]');
  });
});

describe('verbs', () => {
  beforeEach(() => call('POST', '/projects', seed));

  test('delete answers 204 and leaves nothing', async () => {
    expect((await call('DELETE', '/projects/my-nginx-app')).status).toBe(204);
    expect((await call('GET', '/projects/my-nginx-app')).status).toBe(404);
  });

  test('wake tells how long it took', async () => {
    const { status, json } = await call('POST', '/projects/my-nginx-app/wake');
    expect([status, json.status, json.wake_duration_ms]).toEqual([200, 'running', 123]);
  });

  test('sleep, stop and start answer with the project', async () => {
    expect((await call('POST', '/projects/my-nginx-app/sleep')).json.name).toBe('my-nginx-app');
    expect((await call('POST', '/projects/my-nginx-app/stop')).json.status).toBe('stopped');
    expect((await call('POST', '/projects/my-nginx-app/start')).json.status).toBe('idle');
  });

  test('a caller that goes away stops waiting for its wake', async () => {
    const seen = Promise.withResolvers<AbortSignal | undefined>();
    control.wakeGate = (signal) =>
      new Promise((resolve) => {
        seen.resolve(signal);
        signal?.addEventListener('abort', () => resolve());
      });
    const leaving = new AbortController();
    const waiting = fetch(`http://127.0.0.1:${api.port}/projects/my-nginx-app/wake`, {
      method: 'POST',
      signal: leaving.signal,
    });
    const signal = await seen.promise;
    expect(signal?.aborted).toBe(false);
    leaving.abort();
    await expect(waiting).rejects.toThrow();
    await new Promise<void>((resolve) => {
      if (signal?.aborted) resolve();
      signal?.addEventListener('abort', () => resolve());
    });
  });

  test('each refusal of the control plane has its status and keeps its code and details', async () => {
    for (const [code, status] of [
      ['project_busy', 409],
      ['project_stopped', 409],
      ['wake_failed', 502],
      ['wake_timeout', 504],
      ['shutting_down', 503],
      ['proxy_unavailable', 503],
      ['runtime_unavailable', 503],
      ['something_else', 500],
    ] as const) {
      control.failures.set('wake', new LumaError(code, 'no', { details: { in_flight: 2 } }));
      const { json, ...answer } = await call('POST', '/projects/my-nginx-app/wake');
      expect([answer.status, json.code, json.details]).toEqual([status, code, { in_flight: 2 }]);
      expect(answer.headers.has('Retry-After')).toBe(status === 503);
    }
  });

  test('a bug is a 500 that tells nothing', async () => {
    control.failures.set('wake', new TypeError('secret of the house'));
    const { status, json } = await call('POST', '/projects/my-nginx-app/wake');
    expect([status, json.code]).toEqual([500, 'internal_error']);
    expect(JSON.stringify(json)).not.toContain('secret');
  });
});

describe('traffic', () => {
  const path = '/projects/my-nginx-app/traffic';

  beforeEach(async () => {
    await call('POST', '/projects', seed);
    await call('PATCH', '/projects/my-nginx-app', { container_port: 8080 });
  });

  test('is shared out whole, and shown with the hosts of its tags', async () => {
    const traffic = [
      { revision: 'latest', percent: 90 },
      { revision: 1, percent: 10, tag: 'old' },
    ];
    const { status, json } = await call('PUT', `${path}?verify=false`, { traffic });
    expect(status).toBe(200);
    expect(json).toMatchObject({ project: 'my-nginx-app', latest: 2, sticky_traffic: false });
    expect(json.traffic).toMatchObject([
      { revision: 2, latest: true, percent: 90, wanted_percent: 90, tag: null, hosts: [], urls: [] },
      {
        ...{ revision: 1, latest: false, percent: 10, tag: 'old' },
        hosts: ['old---myapp.localhost'],
        urls: ['http://old---myapp.localhost:8080'],
      },
    ]);
    expect((await call('GET', path)).json).toEqual(json);
    expect(control.deploys.at(-1)).toEqual({ verify: false });
  });

  test.each([
    [{}, 'traffic', 'required'],
    [{ traffic: [] }, 'traffic', 'out_of_range'],
    [{ traffic: [{ revision: 1, percent: 90 }] }, 'traffic', 'not_100_percent'],
    [{ traffic: [{ revision: 1, percent: 99.5 }] }, 'traffic.0.percent', 'wrong_type'],
    [{ traffic: [{ revision: 1, percent: 101 }] }, 'traffic.0.percent', 'out_of_range'],
    [{ traffic: [{ revision: 'newest', percent: 100 }] }, 'traffic.0.revision', 'invalid'],
    [{ traffic: [{ revision: 1, percent: 100, tag: 'A---b' }] }, 'traffic.0.tag', 'not_a_tag'],
    [{ traffic: [{ revision: 1, percent: 100 }, { revision: 2 }] }, 'traffic.1.percent', 'out_of_range'],
    [
      {
        traffic: [
          { revision: 1, percent: 50 },
          { revision: 1, percent: 50 },
        ],
      },
      'traffic.1.revision',
      'duplicate',
    ],
    [
      {
        traffic: [
          { revision: 1, percent: 100, tag: 'a' },
          { revision: 2, tag: 'a' },
        ],
      },
      'traffic.1.tag',
      'duplicate',
    ],
    [{ traffic: [{ revision: 1, percent: 100, tags: 'a' }] }, 'traffic.0.tags', 'unknown_field'],
  ] as [object, string, string][])('that is %j is refused by its field', async (body, field, code) => {
    const { status, json } = await call('PUT', path, body);
    expect(status).toBe(422);
    expect(json.errors).toContainEqual(expect.objectContaining({ field, code }));
  });

  test('of a project that is not there is 404', async () => {
    expect((await call('GET', '/projects/nobody/traffic')).status).toBe(404);
  });
});
