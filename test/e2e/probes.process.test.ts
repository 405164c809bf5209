/** Probes on local processes: the real server, the real proxy, real apps that hang or are not ready. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Luma, until } from './luma.ts';

let luma: Luma;
beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process' });
}, 60_000);
afterAll(() => luma.stop(), 60_000);

const often = { period: '300ms', failure_threshold: 2 };
const stops = { stop_timeout: '500ms', idle_timeout: 'never' };

interface Instance {
  readonly id: string;
  readonly state: string;
  readonly ready: boolean;
  readonly health_failure: { readonly message: string } | null;
}

async function instanceOf(name: string): Promise<Instance> {
  const { json } = await luma.api('GET', `/projects/${name}`);
  return (json['instances'] as Instance[])[0]!;
}

async function untilTold(name: string, kind: string): Promise<void> {
  await until(`${name} to tell ${kind}`, async () => (await luma.events(name, kind)).length > 0);
}

test('an app that hangs is replaced, and whoever comes meanwhile is answered by the next one', async () => {
  const liveness = { http_get: { path: '/' }, timeout: '250ms', ...often };
  await luma.add({ name: 'hangs', ...stops, probes: { liveness } });
  const before = (await luma.get('hangs.localhost')).headers.get('x-app-start');
  expect((await luma.get('hangs.localhost', '/hang')).status).toBe(200);
  await untilTold('hangs', 'unhealthy');
  const answers = await Promise.all(Array.from({ length: 20 }, () => luma.get('hangs.localhost')));
  expect(answers.map(({ status }) => status)).toEqual(new Array(20).fill(200));
  const after = new Set(answers.map(({ headers }) => headers.get('x-app-start')));
  expect(after.size).toBe(1);
  expect(after.has(before)).toBe(false);
  const [told] = await luma.events('hangs', 'unhealthy');
  expect(told?.message).toContain('GET /: no answer within 0.25 s');
  expect(told?.details['log_lines']).toEqual([expect.stringContaining('listening on')]);
}, 60_000);

test('an app that is not ready gets no requests: they wait for it, and it answers them itself', async () => {
  const readiness = { http_get: { path: '/ready' }, ...often };
  await luma.add({ name: 'busy', ...stops, probes: { readiness } });
  const before = (await luma.get('busy.localhost')).headers.get('x-app-start');
  const long = luma.get('busy.localhost', '/slow?ms=2500');
  expect((await luma.get('busy.localhost', '/unready?ms=2000')).status).toBe(200);
  await until('it to be out', async () => !(await instanceOf('busy')).ready);
  expect(await instanceOf('busy')).toMatchObject({
    state: 'running',
    health_failure: { message: 'GET /ready: answered with status 503' },
  });
  const held = await luma.get('busy.localhost');
  expect([held.status, held.headers.get('x-app-start')]).toEqual([200, before]);
  // What ran there when it was taken out was left alone.
  expect((await long).status).toBe(200);
  const kinds = (await luma.events('busy')).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'starting')).toHaveLength(1);
  expect(kinds).toContain('not_ready');
  await untilTold('busy', 'ready_again');
}, 60_000);

test('who waits for an app that is not ready hears 503 after the wake timeout; it sleeps, and wakes ready', async () => {
  const readiness = { http_get: { path: '/ready' }, ...often };
  const quick = { wake_timeout: '1s', idle_timeout: '1s', stop_timeout: '500ms' };
  await luma.add({ name: 'never', ...quick, probes: { readiness } });
  expect((await luma.get('never.localhost', '/unready?ms=600000')).status).toBe(200);
  await until('it to be out', async () => !(await instanceOf('never')).ready);
  const answer = await luma.get('never.localhost');
  expect([answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([503, true]);
  await luma.untilStatus('never', 'idle');
  expect((await luma.get('never.localhost')).status).toBe(200);
}, 60_000);

test('questions are no requests: a project that is asked ten times a second sleeps all the same', async () => {
  const liveness = { http_get: { path: '/' }, period: '100ms' };
  await luma.add({ name: 'asked', idle_timeout: '700ms', probes: { liveness } });
  expect((await luma.get('asked.localhost')).status).toBe(200);
  await luma.untilStatus('asked', 'idle');
  expect(await luma.events('asked', 'unhealthy')).toEqual([]);
}, 60_000);

test('a startup command must succeed first, and runs with the variables of the instance', async () => {
  const script = 'test -n "$PORT" && test "$GREETING" = hello';
  const startup = { exec: { command: ['sh', '-c', script] } };
  await luma.add({ name: 'greets', env_vars: { GREETING: 'hello' }, probes: { startup } });
  expect((await luma.get('greets.localhost')).status).toBe(200);
  const wrong = { wake_timeout: '2s', stop_timeout: '500ms', probes: { startup } };
  await luma.add({ name: 'mute', env_vars: { GREETING: 'oh' }, ...wrong });
  expect((await luma.get('mute.localhost')).status).toBe(502);
  const { json } = await luma.api('GET', '/projects/mute');
  expect(json).toMatchObject({ status: 'failed', failure: { code: 'health_check_failed' } });
}, 60_000);
