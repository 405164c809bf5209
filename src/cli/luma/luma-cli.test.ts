import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { TrafficShareJson } from '../../api/client/index.ts';
import { projectJson, type RunOptions, runLuma, type Said, ScriptedApi, shareJson } from './scripted-api.ts';

let api: ScriptedApi;
beforeEach(() => {
  api = new ScriptedApi();
});
afterEach(() => api.stop());

function run(line: string, options: RunOptions = {}): Promise<Said> {
  return runLuma(line.split(' ').filter(Boolean), { apiUrl: api.url, ...options });
}

/** Where words have blanks in them. */
function runWords(words: readonly string[]): Promise<Said> {
  return runLuma(words, { apiUrl: api.url });
}

const commandLines = [
  'up',
  'server',
  'status',
  'projects list',
  'projects add',
  'projects show',
  'projects remove',
  'deploy',
  'revisions',
  'rollback',
  'logs',
  'events',
  'wake',
  'sleep',
  'stop',
  'start',
  'registries list',
  'registries login',
  'registries logout',
  'secrets rotate-key',
  'completion',
  'version',
];

describe('help', () => {
  test.each(commandLines)('of %s says how it is used and gives examples', async (name) => {
    const { exitCode, out, err } = await run(`${name} --help`);
    expect(out).toStartWith(`Usage: luma ${name}`);
    expect(out).toContain('Examples:\n  ');
    expect([exitCode, err]).toEqual([0, '']);
  });

  test('without a command names them all, and none that is hidden', async () => {
    const { exitCode, out } = await run('');
    expect(exitCode).toBe(0);
    for (const name of commandLines) expect(out).toContain(`  ${name.split(' ')[0]} `);
    expect(out).not.toContain('complete ');
  });

  test('--version and version print the version', async () => {
    expect((await run('--version')).out).toBe('luma 1.2.3\n');
    expect((await run('version')).out).toBe('luma 1.2.3\n');
    expect(JSON.parse((await run('version --json')).out)).toEqual({ version: '1.2.3' });
  });
});

describe('wrong use', () => {
  test.each([
    ['frobnicate', /unknown command 'frobnicate'/],
    ['statsu', /Did you mean status\?/],
    ['status --jsno', /Did you mean --json\?/],
    ['projects show', /missing required argument 'name'/],
    ['wake a b', /too many arguments/],
    ['logs a --tail many', /--tail must be a whole number, not "many"/],
    ['status --api-url localhost:8081', /is no address of an API/],
    ['status --api-url', /argument missing/],
    ['projects add', /the project needs a name/],
    ['projects add a --env FOO', /--env "FOO" is not KEY=VALUE/],
    ['projects add a --port web', /--port must be a whole number/],
    ["projects add a --command 'x", /neither words with closed quotes nor a JSON list/],
    ['projects add a --command [1]', /nor a JSON list of strings/],
    ['projects add a --health-check-timeout 1s', /needs --health-check-path/],
    ['projects add a --depends-on db:up', /is not project, project:started or project:ready/],
    ['projects add a --schedule often', /is not "<five cron fields> for <duration>"/],
    ['projects add -f missing.json', /missing.json cannot be read: no such file/],
    ['completion tcsh', /Allowed choices are bash, zsh, fish/],
  ])('of %p is exit code 2 and an error with a hint or a reason', async (line, reason) => {
    const { exitCode, out, err } = await run(line);
    expect(err).toMatch(/^error: /);
    expect(err).toMatch(reason);
    expect([exitCode, out]).toEqual([2, '']);
    expect(api.asked).toEqual([]);
  });
});

describe('failures', () => {
  test('an API that does not answer is exit code 3 and says how to start it', async () => {
    const { exitCode, out, err } = await run('status', { apiUrl: 'http://127.0.0.1:1' });
    expect([exitCode, out]).toEqual([3, '']);
    expect(err).toMatch(/^error: no Luma API answers at http:\/\/127\.0\.0\.1:1\nhint: .*luma up/);
  });

  test('a refusal is exit code 1, with every bad field on its line', async () => {
    const errors = [
      { field: 'hostname', code: 'invalid', message: 'must be a host name' },
      { field: 'env_vars.PORT', code: 'reserved', message: 'is set by Luma' },
    ];
    api.problem('POST /projects', 422, { code: 'validation_failed', detail: '2 fields are wrong', errors });
    const { exitCode, err } = await run('projects add a --hostname _');
    expect(exitCode).toBe(1);
    expect(err).toBe(
      'error: 2 fields are wrong\n  hostname: must be a host name\n  env_vars.PORT: is set by Luma\n',
    );
  });

  test('with --json the error is JSON too, on stderr', async () => {
    api.problem('GET /projects/nope', 404, {
      code: 'project_not_found',
      detail: 'no project nope',
      hint: 'list them',
    });
    const { exitCode, out, err } = await run('projects show nope --json');
    expect([exitCode, out]).toEqual([1, '']);
    expect(JSON.parse(err).error).toMatchObject({
      code: 'project_not_found',
      hint: expect.stringContaining('luma projects list'),
    });
  });

  test('what to do next is said in commands, where the API says it in requests', async () => {
    const detail = 'a is stopped';
    api.problem('POST /projects/a/wake', 409, {
      code: 'project_stopped',
      detail,
      hint: 'POST /projects/a/start',
    });
    expect((await run('wake a')).err).toBe('error: a is stopped\nhint: start it first: luma start <name>\n');
    api.problem('POST /projects/a/wake', 503, { code: 'shutting_down', detail: 'not now', hint: 'later' });
    expect((await run('wake a')).err).toBe('error: not now\nhint: later\n');
  });

  test('a failed wake shows what the instance said, without its control characters', async () => {
    const details = { code: 'instance_exited', log_lines: ['boom \u001b[31mred'] };
    api.problem('POST /projects/a/wake', 502, {
      code: 'wake_failed',
      detail: 'it exited with code 3',
      details,
    });
    expect((await run('wake a')).err).toBe('error: it exited with code 3\n  | boom  [31mred\n');
  });
});

describe('projects', () => {
  test('are listed as a plain table, by projects and by projects list', async () => {
    const second = projectJson({
      name: 'api',
      status: 'running',
      docker_image: null,
      command: ['bun', 'a b.ts'],
    });
    api.on('GET /projects', { projects: [projectJson(), second] });
    const { out } = await run('projects');
    expect(out.split('\n')).toEqual([
      'NAME   STATUS   URL                          RUNS              REVISION',
      'hello  idle     http://hello.localhost:8080  nginxdemos/hello  1',
      "api    running  http://hello.localhost:8080  bun 'a b.ts'      1",
      '',
    ]);
    expect((await run('projects list')).out).toBe(out);
  });

  test('say in lists and alone what keeps them awake, and what they wait for', async () => {
    const kept = projectJson({
      status: 'running',
      depends_on: [{ project: 'db', condition: 'ready' }],
      waits_for: ['db'],
      group: 'shop',
      schedules: [
        { cron: '0 8 * * 1-5', time_zone: 'Europe/Berlin', keep_awake: '10h' },
        { cron: '55 23 * * *', time_zone: null, wake: true },
      ],
      kept_awake: [
        { by: 'schedule', until: '2026-01-05T17:00:00.000Z' },
        { by: 'dependents', projects: ['web', 'api'] },
        { by: 'group', projects: ['cart'] },
      ],
    });
    api.on('GET /projects', { projects: [kept] });
    api.on('GET /projects/hello', kept);
    expect((await run('projects')).out).toContain(
      'running (until 2026-01-05T17:00:00Z; for web, api; with cart)',
    );
    const { out } = await run('projects show hello');
    expect(out).toContain('depends on    db (ready)\n');
    expect(out).toContain('waits for     db\n');
    expect(out).toContain('schedules     0 8 * * 1-5 for 10h in Europe/Berlin; 55 23 * * * wake\n');
    expect(out).toContain(
      'kept awake    by a schedule until 2026-01-05T17:00:00.000Z; for web, api; with its group, for cart\n',
    );
  });

  test('take dependencies, a group and schedules as flags; an empty one takes them away', async () => {
    api.on('POST /projects', projectJson(), 201);
    const flags = ['--depends-on', 'db', '--depends-on', 'cache:started', '--group', 'shop'];
    const schedules = [
      '--schedule',
      '0 8 * * 1-5 for 10h in Europe/Berlin',
      '--schedule',
      '55 23 * * * wake',
    ];
    await runLuma(['projects', 'add', 'web', ...flags, ...schedules], { apiUrl: api.url });
    expect(api.asked.at(-1)?.body).toEqual({
      name: 'web',
      depends_on: [{ project: 'db' }, { project: 'cache', condition: 'started' }],
      group: 'shop',
      schedules: [
        { cron: '0 8 * * 1-5', keep_awake: '10h', time_zone: 'Europe/Berlin' },
        { cron: '55 23 * * *', wake: true },
      ],
    });
    await runLuma(['projects', 'add', 'web', '--depends-on', '', '--group', '', '--schedule', ''], {
      apiUrl: api.url,
    });
    expect(api.asked.at(-1)?.body).toEqual({ name: 'web', depends_on: null, group: null, schedules: null });
  });

  test('are coloured only on a terminal, and not with NO_COLOR', async () => {
    api.on('GET /projects', { projects: [projectJson({ status: 'running' })] });
    const onTerminal = { isOutTty: true, env: { TERM: 'xterm' } };
    expect((await run('projects')).out).not.toContain('\u001b');
    expect((await run('projects', { terminal: onTerminal })).out).toContain('\u001b[32mrunning\u001b[0m');
    const noColour = { ...onTerminal, env: { TERM: 'xterm', NO_COLOR: '1' } };
    expect((await run('projects', { terminal: noColour })).out).not.toContain('\u001b');
  });

  test('as JSON are what the API said', async () => {
    api.on('GET /projects', { projects: [projectJson()] });
    expect(JSON.parse((await run('projects --json')).out)).toEqual([projectJson()]);
  });

  test('are added with everything the flags say', async () => {
    api.on('POST /projects', projectJson(), 201);
    const argv = [
      'projects',
      'add',
      'web',
      '--image',
      'web:7',
      '--hostname',
      'a.localhost',
      '--hostname',
      'b.localhost',
    ];
    argv.push('--port', '3000', '--env', 'A=1', '--env', 'B=x=y', '--env', 'C=', '--idle-timeout', '5m');
    argv.push(
      '--command',
      "serve --name 'two words'",
      '--entrypoint',
      '["/bin/sh","-c"]',
      '--working-dir',
      '/srv',
    );
    argv.push(
      '--wake-timeout',
      '2m',
      '--stop-timeout',
      '3s',
      '--health-check-path',
      '/up',
      '--health-check-timeout',
      '1s',
      '--wait-mode',
      'page',
      '--target-utilization',
      '0.85',
    );
    const { exitCode, out } = await runLuma(argv, { apiUrl: api.url });
    expect(exitCode).toBe(0);
    expect(out).toContain('url           http://hello.localhost:8080\n');
    expect(api.asked[0]).toEqual({
      method: 'POST',
      path: '/projects',
      body: {
        name: 'web',
        docker_image: 'web:7',
        hostnames: ['a.localhost', 'b.localhost'],
        container_port: 3000,
        env_vars: { A: '1', B: 'x=y', C: '' },
        idle_timeout: '5m',
        command: ['serve', '--name', 'two words'],
        entrypoint: ['/bin/sh', '-c'],
        working_dir: '/srv',
        wake_timeout: '2m',
        wait_mode: 'page',
        target_utilization: 0.85,
        stop_timeout: '3s',
        health_check: { path: '/up', timeout: '1s' },
      },
    });
  });

  test('take a share only as a number up to 1', async () => {
    for (const share of ['70%', '1.5', '-1', 'much']) {
      const argv = ['projects', 'add', 'web', `--target-utilization=${share}`];
      const { exitCode, err } = await runLuma(argv, { apiUrl: api.url });
      expect([exitCode, err]).toEqual([2, expect.stringContaining('--target-utilization')]);
    }
  });

  test('are added from a file or standard input, and flags win', async () => {
    api.on('POST /projects', projectJson(), 201);
    const readText = async (path: string): Promise<string> => {
      expect(path).toBe('-');
      return '{"name":"web","docker_image":"web:6","hostname":"web.localhost"}';
    };
    expect((await run('projects add -f - --image web:7', { terminal: { readText } })).exitCode).toBe(0);
    expect(api.asked[0]?.body).toEqual({ name: 'web', docker_image: 'web:7', hostname: 'web.localhost' });
  });

  test.each(['[]', '"x"', 'null', '{', ''])('are not added from a file that holds %p', async (text) => {
    const { exitCode, err } = await run('projects add -f p.json', {
      terminal: { readText: async () => text },
    });
    expect([exitCode, err.split('\n')[0]]).toEqual([2, 'error: p.json must hold one JSON object']);
  });

  test('are shown with their failure and instances', async () => {
    const failure = {
      code: 'image_not_found',
      message: 'no such image',
      log_lines: [],
      at: '2026-01-31T08:00:00.000Z',
    };
    const instance = {
      ...{ id: 'i-1', revision: 1, state: 'running', ready: false },
      health_failure: {
        ...failure,
        code: 'readiness_failed',
        message: 'GET /ready: answered with status 503',
      },
      ...{ address: '127.0.0.1:1', since: failure.at },
    };
    api.on('GET /projects/hello', projectJson({ status: 'failed', failure, instances: [instance] }));
    const { out } = await run('projects show hello');
    expect(out).toContain('failure       no such image (image_not_found, 2026-01-31T08:00:00.000Z)\n');
    expect(out).toContain(
      'instances     i-1 running at 127.0.0.1:1 (readiness_failed: GET /ready: answered with status 503)\n',
    );
    expect(out).not.toContain('development');
  });

  test('say why the newest revision does not serve', async () => {
    const switch_failure = {
      code: 'instance_exited',
      message: 'it ended',
      log_lines: [],
      at: '2026-01-31T08:00:00.000Z',
    };
    const project = projectJson({ status: 'running', revision: 2, switch_failure });
    api.on('GET /projects/hello', project);
    api.on('GET /projects', { projects: [project] });
    expect((await run('projects show hello')).out).toContain(
      'not switched  the revision before serves: it ended (instance_exited, 2026-01-31T08:00:00.000Z)\n',
    );
    expect((await run('projects list')).out).toContain('2 (not switched)');
  });

  test('take probes in the form of gcloud with the names of the API, or as JSON', async () => {
    api.on('PATCH /projects/hello', projectJson());
    const startup = { exec: { command: ['/bin/check', '--now'] }, failure_threshold: 24 };
    const json = JSON.stringify(startup);
    const liveness = 'http_get.path=/live,http_get.port=9000,period=5s,failure_threshold=2';
    await runWords([
      ...['deploy', 'hello', '--detach', '--startup-probe', json],
      ...['--liveness-probe', liveness, '--readiness-probe', "exec.command=/bin/sh -c 'exit 0'"],
    ]);
    expect(api.asked.at(-1)?.body).toEqual({
      probes: {
        startup,
        liveness: { http_get: { path: '/live', port: 9_000 }, period: '5s', failure_threshold: 2 },
        readiness: { exec: { command: ['/bin/sh', '-c', 'exit 0'] } },
      },
    });
    await runWords(['deploy', 'hello', '--detach', '--liveness-probe', 'tcp_socket,timeout=500ms']);
    expect(api.asked.at(-1)?.body).toEqual({
      probes: { startup: null, liveness: { tcp_socket: {}, timeout: '500ms' }, readiness: null },
    });
  });

  test.each([
    ['path=/live', '"path=/live", which is none of'],
    ['http_get', '"http_get", which is none of'],
    ['tcp_socket=9000', '"tcp_socket=9000", which is none of'],
    ['http_get.port=x', 'http_get.port must be a whole number, not "x"'],
    ["exec.command='a", 'the quotes of exec.command are not closed'],
    ['{"http_get"', 'begins like JSON and is none'],
  ])('refuse the probe %s and say why', async (text, why) => {
    const { exitCode, err } = await runWords(['deploy', 'hello', '--liveness-probe', text]);
    expect(exitCode).toBe(2);
    expect(err).toContain(why);
  });

  test('say in a change only what was said, also that something is over', async () => {
    api.on('PATCH /projects/hello', projectJson({ ssl: true }));
    await run('deploy hello --ssl --no-ssl-redirect --response-timeout never --path-prefix /api --detach');
    expect(api.asked.at(-1)?.body).toEqual({
      ...{ ssl: true, ssl_redirect: false, response_timeout: 'never', path_prefix: '/api' },
    });
    await run('deploy hello --no-ssl --forward-headers --detach');
    expect(api.asked.at(-1)?.body).toEqual({ ssl: false, forward_headers: true });
  });

  test('that name no port say which one it is: that of images, or one that Luma chooses', async () => {
    api.on('GET /projects/hello', projectJson({ container_port: null }));
    expect((await run('projects show hello')).out).toContain('port          8080\n');
    api.on('GET /projects/hello', projectJson({ container_port: null, docker_image: null, command: ['x'] }));
    expect((await run('projects show hello')).out).toContain('port          chosen by Luma\n');
  });

  test('are removed, and progress is for terminals only', async () => {
    api.onStream('DELETE /projects/hello', () => new Response(null, { status: 204 }));
    expect(await run('projects remove hello')).toEqual({ exitCode: 0, out: 'removed hello\n', err: '' });
    expect((await run('projects remove hello', { terminal: { isErrTty: true } })).err).toContain(
      'removing hello',
    );
  });
});

describe('status', () => {
  test('shows Luma and its projects', async () => {
    const runtime = { kind: 'docker', name: 'Docker', version: '20.10', available: false };
    api.on('GET /healthz', {
      status: 'degraded',
      version: '1.2.3',
      proxy: 'connected',
      runtime,
      projects: 1,
    });
    api.on('GET /projects', { projects: [projectJson()] });
    const { exitCode, out } = await run('status');
    expect(exitCode).toBe(0);
    expect(out).toContain(`luma     1.2.3 at ${api.url}\n`);
    expect(out).toContain('runtime  Docker 20.10 (does not answer)\n');
    expect(out).toContain('\n\nNAME   STATUS');
    expect(JSON.parse((await run('status --json')).out)).toMatchObject({ health: { status: 'degraded' } });
  });

  test('asks where --api-url says, before LUMA_API_URL, before the configuration', async () => {
    const runtime = { kind: 'docker', name: 'Docker', version: '20.10', available: true };
    api.on('GET /healthz', { status: 'ok', version: '1', proxy: 'connected', runtime, projects: 0 });
    api.on('GET /projects', { projects: [] });
    const nowhere = 'http://127.0.0.1:1';
    const env = { LUMA_API_URL: api.url };
    expect((await run('status', { apiUrl: nowhere, terminal: { env } })).exitCode).toBe(0);
    expect(
      (await run(`status --api-url ${api.url}/`, { terminal: { env: { LUMA_API_URL: nowhere } } })).exitCode,
    ).toBe(0);
    expect((await run('status', { apiUrl: nowhere })).exitCode).toBe(3);
  });
});

describe('the verbs', () => {
  test('wake says how long it took', async () => {
    api.on('POST /projects/hello/wake', { ...projectJson({ status: 'running' }), wake_duration_ms: 343 });
    expect((await run('wake hello')).out).toBe('hello woke in 343ms\n');
    api.on('POST /projects/hello/wake', { ...projectJson({ status: 'running' }), wake_duration_ms: 0 });
    expect((await run('wake hello')).out).toBe('hello was awake already\n');
  });

  test.each(['sleep', 'stop', 'start'])('%s says what the project is afterwards', async (verb) => {
    api.on(`POST /projects/hello/${verb}`, projectJson({ status: 'stopped' }));
    expect((await run(`${verb} hello`)).out).toBe('hello is stopped\n');
    expect(JSON.parse((await run(`${verb} hello --json`)).out).status).toBe('stopped');
  });
});

describe('logs', () => {
  const writer = { instance: 'a1b2', revision: 3 };
  const line = { at: '2026-01-31T08:00:00.000Z', stream: 'stdout', text: 'GET /', ...writer };
  const stream = (): Response =>
    new Response(
      `data: ${JSON.stringify(line)}\n\ndata: ${JSON.stringify({ ...line, text: 'GET /2' })}\n\n`,
      {
        headers: { 'content-type': 'text/event-stream' },
      },
    );

  test('are printed as the app wrote them, and as JSON lines', async () => {
    api.onStream('GET /projects/hello/logs', stream);
    expect(await run('logs hello')).toEqual({ exitCode: 0, out: 'GET /\nGET /2\n', err: '' });
    const { out } = await run('logs hello --json');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text).text),
    ).toEqual(['GET /', 'GET /2']);
  });

  test('ask for what the flags say', async () => {
    api.onStream('GET /projects/hello/logs', stream);
    await run('logs -n 5 --since 10m --revision 3 hello');
    const query = new URLSearchParams(api.asked[0]?.path.split('?')[1]);
    expect(Object.fromEntries(query)).toMatchObject({ tail: '5', since: '10m', revision: '3' });
  });

  test('say who wrote each line, if asked', async () => {
    api.onStream('GET /projects/hello/logs', stream);
    const { out } = await run('logs --prefix hello');
    expect(out).toBe('3 a1b2 | GET /\n3 a1b2 | GET /2\n');
  });

  test('followed until Ctrl-C end with exit code 130 and no error', async () => {
    const control = new AbortController();
    const open = (): Response => {
      const body = new ReadableStream({
        start: (controller) =>
          controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(line)}\n\n`)),
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    api.onStream('GET /projects/hello/logs', open);
    let out = '';
    const writeOut = (text: string): void => {
      out += text;
      control.abort();
    };
    const { exitCode, err } = await run('logs -f hello', { terminal: { writeOut, signal: control.signal } });
    expect([out, err]).toEqual(['GET /\n', '']);
    expect([0, 130]).toContain(exitCode);
  });
});

describe('events', () => {
  const event = (id: number) => ({
    id,
    project: 'hello',
    kind: 'woken',
    at: '2026-01-31T08:00:00.000Z',
    message: `woken ${id}`,
    details: {},
  });

  test('are printed oldest first', async () => {
    api.on('GET /projects/hello/events', { events: [event(2), event(1)] });
    expect((await run('events hello -n 2')).out).toBe(
      '2026-01-31T08:00:00.000Z  hello  woken  woken 1\n2026-01-31T08:00:00.000Z  hello  woken  woken 2\n',
    );
    expect(api.asked[0]?.path).toContain('limit=2');
    expect(JSON.parse((await run('events hello --json')).out)).toHaveLength(2);
  });
});

describe('up and server', () => {
  test.each(['up', 'server'] as const)('%s hands its flags on as they were written', async (command) => {
    const ran: unknown[] = [];
    const onHost = (name: string, flags: unknown): void => void ran.push(name, flags);
    expect((await run(`${command} --http-port 9 --debug`, { onHost })).exitCode).toBe(0);
    expect(ran).toEqual([command, { 'http-port': '9', debug: true }]);
    expect((await run(`${command} --colour red`, { onHost })).exitCode).toBe(2);
  });
});

describe('completion', () => {
  const offered = async (...words: string[]): Promise<string[]> => {
    const { out, err } = await runLuma(['complete', '--', words.join('\u001f')], { apiUrl: api.url });
    expect(err).toBe('');
    return out.split('\n').filter(Boolean);
  };

  test('offers commands, their words and their options', async () => {
    expect(await offered('s')).toEqual(['secrets', 'server', 'sleep', 'start', 'status', 'stop']);
    expect(await offered('projects', '')).toEqual(['add', 'list', 'remove', 'show']);
    expect(await offered('logs', '--f')).toEqual(['--follow']);
    expect(await offered('projects', 'add', 'x', '--h')).toEqual([
      '--health-check-path',
      '--health-check-timeout',
      '--help',
      '--hostname',
    ]);
    expect(await offered('completion', '')).toEqual(['bash', 'fish', 'zsh']);
    expect(await offered('projects', '--')).toEqual(['--api-url', '--help', '--json']);
  });

  test('offers nothing where a value is being written', async () => {
    expect(await offered('logs', '--tail', '')).toEqual([]);
    expect(await offered('wake', 'hello', '')).toEqual([]);
  });

  test('offers the names of projects, and nothing when the API is away', async () => {
    expect(await offered('wake', 'h')).toEqual([]);
    api.on('GET /projects', { projects: [projectJson(), projectJson({ name: 'api' })] });
    expect(await offered('wake', 'h')).toEqual(['hello']);
    expect(await offered('logs', '--tail', '5', '')).toEqual(['api', 'hello']);
  });

  test.each(['bash', 'zsh', 'fish'])('has a script for %s that its shell can read', async (shell) => {
    const { out } = await run(`completion ${shell}`);
    expect(out).toContain('complete');
    if (!Bun.which(shell)) return;
    const check = Bun.spawnSync([shell, '-n'], { stdin: Buffer.from(out) });
    expect(check.stderr.toString()).toBe('');
    expect(check.exitCode).toBe(0);
  });

  test('works in a real bash', async () => {
    const script = (await run('completion bash')).out;
    const body = `luma() { printf '[%s]\\n' "$@" >&2; echo status; }
${script}
COMP_WORDS=(luma projects 'add x' st) COMP_CWORD=3
_luma
echo "reply: \${COMPREPLY[*]}"`;
    const done = Bun.spawnSync(['bash', '-c', body.replaceAll('2>/dev/null', '')]);
    expect(done.stdout.toString()).toBe('reply: status\n');
    expect(done.stderr.toString()).toBe('[complete]\n[--]\n[projects\u001fadd x\u001fst]\n');
  });
});

describe('deploy', () => {
  const next = (more: object) => projectJson({ revision: 2, ...more });
  /** Revision 2 is to serve, and this one does. */
  const share = (revision: number) =>
    revision === 2
      ? [shareJson({ revision })]
      : [shareJson({ revision: 2, percent: 0 }), shareJson({ revision, wanted_percent: 0, latest: false })];

  test('changes what is given, and waits until the new revision serves', async () => {
    api.on('PATCH /projects/hello', next({ status: 'running', traffic: share(1) }));
    const answers = [next({ traffic: share(1) }), next({ traffic: share(2), status: 'running' })];
    api.onStream('GET /projects/hello', () => Response.json(answers.shift()));
    const { exitCode, out } = await run('deploy hello --image hello:2 --env LEVEL=debug');
    expect([exitCode, out]).toEqual([0, 'revision 2 of hello serves\n']);
    expect(api.asked[0]).toMatchObject({
      path: '/projects/hello?verify=true',
      body: { docker_image: 'hello:2', env_vars: { LEVEL: 'debug' } },
    });
    expect(answers).toEqual([]);
  });

  test('says why the new revision does not serve, with its last lines, and how to go on', async () => {
    const failure = {
      code: 'instance_exited',
      message: 'it exited with code 3',
      log_lines: ['boom\u0007'],
      at: '',
    };
    api.on('PATCH /projects/hello', next({ traffic: share(1), switch_failure: failure }));
    const { exitCode, err } = await run('deploy hello --image hello:2');
    expect(exitCode).toBe(1);
    expect(err).toContain('revision 2 of hello does not serve, revision 1 goes on: it exited with code 3');
    expect(err).toContain('boom');
    expect(err).not.toContain('\u0007');
    expect(err).toContain('luma rollback hello');
  });

  test('says so when nothing served before either', async () => {
    const failure = { code: 'instance_exited', message: 'it exited with code 3', log_lines: [], at: '' };
    api.on('PATCH /projects/hello', next({ traffic: share(2), status: 'failed', failure }));
    const { exitCode, err } = await run('deploy hello --image hello:2');
    expect([exitCode, err.includes('revision 2 of hello does not start')]).toEqual([1, true]);
  });

  test('returns at once where nobody wants to wait, or to try it', async () => {
    api.on('PATCH /projects/hello', next({ traffic: share(1) }));
    expect((await run('deploy hello --image hello:2 --detach')).out).toBe(
      'revision 2 of hello is deployed\n',
    );
    expect((await run('deploy hello --image hello:2 --unverified')).exitCode).toBe(0);
    expect(api.asked[1]?.path).toBe('/projects/hello?verify=false');
  });

  test('without traffic says where the new revision is reached, and how it gets requests', async () => {
    const urls = ['http://next---hello.localhost:8080'];
    const traffic = [
      shareJson({ latest: false }),
      shareJson({ revision: 2, latest: false, percent: 0, wanted_percent: 0, tag: 'next', urls }),
    ];
    api.on('PATCH /projects/hello', next({ traffic }));
    const { exitCode, out } = await run('deploy hello --image hello:2 --no-traffic --tag next');
    expect(exitCode).toBe(0);
    expect(out).toContain('gets no requests; it is reached at http://next---hello.localhost:8080');
    expect(out).toContain('luma traffic hello --latest');
    expect(api.asked[0]?.path).toBe('/projects/hello?verify=true&no_traffic=true&tag=next');
  });

  test('of nothing is wrong use', async () => {
    const { exitCode, err } = await run('deploy hello');
    expect([exitCode, err.includes('nothing was given to change')]).toEqual([2, true]);
  });
});

describe('revisions and rollback', () => {
  test('list what there is, and what it gets', async () => {
    const revision = { docker_image: 'hello:1', command: null, created_at: '2026-01-31T08:00:00.000Z' };
    api.on('GET /projects/hello/revisions', {
      revisions: [
        { ...revision, revision: 2, percent: 90, tags: [] },
        { ...revision, revision: 1, percent: 10, tags: ['old'] },
      ],
    });
    const { out } = await run('revisions hello');
    expect(out).toContain('90 %');
    expect(out).toContain('10 %, old');
  });

  test('go back to the one before, or to the one named', async () => {
    const share = [shareJson()];
    api.on('POST /projects/hello/rollback', projectJson({ revision: 1, traffic: share, status: 'running' }));
    expect((await run('rollback hello')).out).toBe('hello is back at revision 1\n');
    await run('rollback hello --revision 1 --unverified');
    expect(api.asked.map(({ body }) => body)).toEqual([{ verify: true }, { revision: 1, verify: false }]);
  });
});

describe('traffic', () => {
  const split = (shares: readonly TrafficShareJson[], more: object = {}) => ({
    ...{ project: 'hello', latest: 4, sticky_traffic: false, switch_failure: null },
    traffic: shares,
    ...more,
  });
  const three = shareJson({ revision: 3, latest: false, percent: 90, wanted_percent: 90, status: 'running' });
  const four = shareJson({ revision: 4, latest: false, percent: 10, wanted_percent: 10, tag: 'next' });

  test('shows who gets the requests, and where tags are reached', async () => {
    api.on(
      'GET /projects/hello/traffic',
      split([three, { ...four, urls: ['http://next---hello.localhost'] }]),
    );
    const { out } = await run('traffic hello');
    expect(out).toMatch(/3 +90 % +running/);
    expect(out).toMatch(/4 +10 % +next +idle +http:\/\/next---hello\.localhost/);
    expect(JSON.parse((await run('traffic hello --json')).out)).toMatchObject({ latest: 4 });
    expect(api.asked.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('is shared out as said, keeps tags, and waits until it is in force', async () => {
    const waiting = { ...four, percent: 0 };
    const answers = [split([three, four]), split([three, four])];
    api.onStream('GET /projects/hello/traffic', () => Response.json(answers.shift()));
    api.on('PUT /projects/hello/traffic', split([three, waiting]));
    expect((await run('traffic hello --to 3=80,latest=20')).exitCode).toBe(0);
    expect(answers).toEqual([]);
    expect(api.asked[1]).toMatchObject({
      path: '/projects/hello/traffic?verify=true',
      body: {
        traffic: [
          { revision: 3, percent: 80 },
          { revision: 'latest', percent: 20 },
          { revision: 4, percent: 0, tag: 'next' },
        ],
      },
    });
  });

  test('goes to the latest revision, gets tags and loses them', async () => {
    api.on('GET /projects/hello/traffic', split([three, four]));
    api.on('PUT /projects/hello/traffic', split([three, four]));
    const bodyOf = async (flags: string): Promise<unknown> => {
      await run(`traffic hello ${flags}`);
      return (api.asked.at(-1) as { body: { traffic: unknown } }).body.traffic;
    };
    expect(await bodyOf('--latest')).toEqual([
      { revision: 'latest', percent: 100 },
      { revision: 4, percent: 0, tag: 'next' },
    ]);
    expect(await bodyOf('--tag next=3 --tag old=latest')).toEqual([
      { revision: 3, percent: 90 },
      { revision: 4, percent: 10 },
      { revision: 3, percent: 0, tag: 'next' },
      { revision: 'latest', percent: 0, tag: 'old' },
    ]);
    expect(await bodyOf('--untag next')).toEqual([
      { revision: 3, percent: 90 },
      { revision: 4, percent: 10 },
    ]);
  });

  test('fails with why a revision does not get its share', async () => {
    const failure = {
      code: 'instance_exited',
      message: 'it exited with code 3',
      log_lines: ['boom'],
      at: '',
    };
    api.on('GET /projects/hello/traffic', split([three]));
    const unserved = split([three, { ...four, percent: 0 }], { switch_failure: failure });
    api.on('PUT /projects/hello/traffic', unserved);
    const { exitCode, err } = await run('traffic hello --to 3=90,4=10');
    expect(exitCode).toBe(1);
    expect(err).toMatch(/does not start: it exited with code 3\s+boom/);
    expect((await run('traffic hello --to 3=90,4=10 --detach')).exitCode).toBe(0);
  });

  test.each([
    ['--to 3=ninety', '"3=ninety" is not revision=percent'],
    ['--to newest=100', '"newest" is no revision'],
    ['--tag next', '"next" is not tag=revision'],
    ['--to 3=100 --latest', 'say two things'],
    ['--untag nobody', 'no revision has the tag nobody'],
  ])('%s is wrong use', async (flags, message) => {
    api.on('GET /projects/hello/traffic', split([three, four]));
    const { exitCode, err } = await run(`traffic hello ${flags}`);
    expect(exitCode).toBe(2);
    expect(err).toContain(message);
  });
});
