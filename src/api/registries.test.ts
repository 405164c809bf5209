import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { systemClock } from '../base/clock.ts';
import { LumaError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { type ApiServer, createApiServer } from './index.ts';
import { ScriptedControl } from './scripted-control.ts';

let control: ScriptedControl;
let api: ApiServer;
const SECRET = 'correct-horse';

beforeEach(async () => {
  control = new ScriptedControl();
  const place = { hostname: '127.0.0.1', port: 0, urlOf: () => null };
  api = await createApiServer({ control, clock: systemClock, log: silentLog, version: '0.1.0', ...place });
});
afterEach(() => api.stop());

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`http://127.0.0.1:${api.port}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { 'Content-Type': 'application/json' },
  });
  const text = await response.text();
  return { status: response.status, text, json: text ? JSON.parse(text) : null };
}

describe('registries', () => {
  test('are put, listed, shown and removed, and never show what was put in', async () => {
    const put = await call('PUT', '/registries/localhost:5000', { username: 'ops', password: SECRET });
    expect(put).toMatchObject({
      status: 200,
      json: { host: 'localhost:5000', auth: 'password', username: 'ops' },
    });
    const token = await call('PUT', '/registries/ghcr.io', { identity_token: SECRET });
    expect(token.json).toMatchObject({ host: 'ghcr.io', auth: 'identity_token', username: null });
    const list = await call('GET', '/registries');
    expect(list.json.registries).toHaveLength(2);
    const shown = await call('GET', '/registries/localhost:5000');
    for (const { text } of [put, token, list, shown]) expect(text).not.toContain(SECRET);
    expect(control.registries.get('localhost:5000')).toEqual({
      kind: 'password',
      username: 'ops',
      password: SECRET,
    });
    expect((await call('DELETE', '/registries/localhost:5000')).status).toBe(204);
    expect((await call('GET', '/registries/localhost:5000')).json.code).toBe('registry_not_found');
  });

  test('are checked by the registry unless that is not wanted, and a refusal says so', async () => {
    await call('PUT', '/registries/ghcr.io', { registry_token: SECRET });
    await call('PUT', '/registries/ghcr.io?verify=false', { registry_token: SECRET });
    expect(control.logins).toEqual([
      { host: 'ghcr.io', verify: true },
      { host: 'ghcr.io', verify: false },
    ]);
    control.failures.set('putRegistry', new LumaError('registry_login_denied', 'ghcr.io does not take them'));
    const refused = await call('PUT', '/registries/ghcr.io', { registry_token: SECRET });
    expect([refused.status, refused.json.code]).toEqual([422, 'registry_login_denied']);
    expect((await call('PUT', '/registries/ghcr.io?verify=maybe', {})).status).toBe(422);
  });

  test('have one name each, however it is written', async () => {
    await call('PUT', '/registries/index.docker.io', { registry_token: SECRET });
    await call('PUT', '/registries/Registry-1.Docker.io', { registry_token: SECRET });
    expect([...control.registries.keys()]).toEqual(['docker.io']);
    expect((await call('GET', '/registries/docker.io')).status).toBe(200);
  });

  test.each([
    [{}],
    [{ username: 'ops' }],
    [{ password: SECRET }],
    [{ username: 'ops', password: SECRET, identity_token: SECRET }],
    [{ identity_token: SECRET, registry_token: SECRET }],
    [{ username: 'ops', password: '' }],
    [{ username: 'ops', password: 5 }],
    [{ username: 'ops', password: SECRET, email: 'x' }],
    [{ username: 'x'.repeat(256), password: SECRET }],
    [{ registry_token: SECRET.repeat(2_000) }],
  ])('refuse credentials like %#, without repeating them', async (body) => {
    const { status, json, text } = await call('PUT', '/registries/ghcr.io', body);
    expect([status, json.code]).toEqual([422, 'validation_failed']);
    expect(json.errors.length).toBeGreaterThan(0);
    expect(text).not.toContain(SECRET);
    expect(control.registries.size).toBe(0);
  });

  test('that cannot be one are refused on PUT and unknown otherwise', async () => {
    expect((await call('PUT', '/registries/-x', { registry_token: 'x' })).json).toMatchObject({
      status: 422,
      errors: [{ field: 'host', code: 'not_a_registry' }],
    });
    for (const method of ['GET', 'DELETE'])
      expect((await call(method, '/registries/-x')).json.code).toBe('registry_not_found');
  });
});

test('POST /secrets/rotate-key says which key counts from now on', async () => {
  expect(await call('POST', '/secrets/rotate-key')).toMatchObject({
    status: 200,
    json: { key_id: '0123456789abcdef' },
  });
  control.failures.set('rotateKey', new LumaError('key_file_unwritable', 'the key file x cannot be written'));
  expect((await call('POST', '/secrets/rotate-key')).json).toMatchObject({
    status: 500,
    code: 'key_file_unwritable',
  });
});
