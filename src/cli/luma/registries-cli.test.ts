import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type RunOptions, runLuma, type Said, ScriptedApi } from './scripted-api.ts';

let api: ScriptedApi;
beforeEach(() => {
  api = new ScriptedApi();
  const ghcr = { host: 'ghcr.io', auth: 'password', username: 'ops', updated_at: '2026-01-31T08:00:00.000Z' };
  api.on('PUT /registries/ghcr.io', ghcr).on('GET /registries', { registries: [ghcr] });
});
afterEach(() => api.stop());

function run(line: string, terminal: RunOptions['terminal'] = {}): Promise<Said> {
  return runLuma(line.split(' ').filter(Boolean), { apiUrl: api.url, terminal });
}

const typed = (text: string) => ({ readHidden: async () => text });
const piped = (text: string) => ({ readText: async () => text });
const lastBody = () => api.asked.at(-1)?.body;

describe('registries login', () => {
  test('asks for the password where there is a terminal', async () => {
    const { exitCode, out } = await run('registries login ghcr.io -u ops', typed('s3cret'));
    expect([exitCode, out]).toEqual([0, 'Luma logs in to ghcr.io from now on\n']);
    expect(lastBody()).toEqual({ username: 'ops', password: 's3cret' });
  });

  test('has the registry asked whether it takes them, unless told not to', async () => {
    await run('registries login ghcr.io -u ops', typed('s3cret'));
    await run('registries login ghcr.io -u ops --unverified', typed('s3cret'));
    expect(api.asked.map(({ path }) => new URLSearchParams(path.split('?')[1]).get('verify'))).toEqual([
      ...['true', 'false'],
    ]);
  });

  test('takes the password from standard input, without the end of its line', async () => {
    await run('registries login https://GHCR.io/v2/ --username ops --password-stdin', piped('s3cret\n'));
    expect(api.asked.at(-1)).toMatchObject({
      path: '/registries/ghcr.io?verify=true',
      body: { username: 'ops', password: 's3cret' },
    });
  });

  test.each([
    ['identity-token-stdin', { identity_token: 'a.b' }],
    ['registry-token-stdin', { registry_token: 'a.b' }],
  ])('takes a token by --%s', async (option, body) => {
    const { exitCode } = await run(`registries login ghcr.io --${option}`, piped('a.b'));
    expect([exitCode, lastBody()]).toEqual([0, body]);
  });

  test.each([
    ['', {}, /who logs in\?/],
    ['-u ops', {}, /no terminal to ask.*\n.*--password-stdin/],
    ['-u ops', typed(''), /the password is empty/],
    ['-u ops --password-stdin', piped('\n'), /the password is empty/],
    ['-u ops --password-stdin', piped('one\ntwo\n'), /more than one line/],
    ['-u ops --identity-token-stdin', piped('x'), /leave --username out/],
    ['--identity-token-stdin --registry-token-stdin', piped('x'), /exclude each other/],
  ])('refuses %j', async (options, terminal, words) => {
    const { exitCode, err } = await run(`registries login ghcr.io ${options}`, terminal);
    expect(exitCode).toBe(2);
    expect(err).toMatch(words);
    expect(api.asked).toEqual([]);
  });

  test('has no option for a password: it would be seen in the list of processes', async () => {
    const { exitCode } = await run('registries login ghcr.io -u ops --password s3cret');
    expect(exitCode).toBe(2);
    expect(api.asked).toEqual([]);
  });
});

test('registries lists hosts and who Luma is there', async () => {
  const { out } = await run('registries');
  expect(out).toMatch(/REGISTRY +AS +SINCE\nghcr\.io +ops +2026-/);
});

test('a name that cannot be a registry is wrong use', async () => {
  const { exitCode, err } = await run('registries login two:words -u ops', typed('x'));
  expect([exitCode, api.asked]).toEqual([2, []]);
  expect(err).toContain('"two:words" is no registry');
});

test('registries logout forgets one, by any of its names', async () => {
  api.onStream('DELETE /registries/docker.io', () => new Response(null, { status: 204 }));
  const { exitCode } = await run('registries logout index.docker.io');
  expect(exitCode).toBe(0);
});

test('registries logout of an unknown one says where to look', async () => {
  api.problem('DELETE /registries/quay.io', 404, { code: 'registry_not_found', detail: 'no credentials' });
  const { exitCode, err } = await run('registries logout quay.io');
  expect(exitCode).toBe(1);
  expect(err).toContain('hint: luma registries list');
});

test('secrets rotate-key says which key counts now', async () => {
  api.on('POST /secrets/rotate-key', { key_id: '0123456789abcdef' });
  const { exitCode, out } = await run('secrets rotate-key');
  expect([exitCode, out]).toEqual([0, 'every secret is encrypted with the key 0123456789abcdef\n']);
});
