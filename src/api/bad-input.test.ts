/** What must be refused, as a table: each case names its status and the field at fault, and changes nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { type ApiServer, createApiServer } from './index.ts';
import { ScriptedControl } from './scripted-control.ts';

interface Case {
  readonly title: string;
  readonly method?: string;
  readonly path?: string;
  /** Sent as it is when it is a text or bytes, otherwise as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code?: string;
  /** The field that must be named. */
  readonly field?: string;
}

const good = { name: 'app', docker_image: 'nginx', hostname: 'app.localhost' };
const json = { 'Content-Type': 'application/json' };

/** A POST of a project that is good but for one field. */
function bad(title: string, change: Record<string, unknown>, field: string, code?: string): Case {
  return { title, body: { ...good, ...change }, status: 422, field, ...(code ? { code } : {}) };
}

function rawBody(title: string, body: string, status: number, field: string): Case {
  return { title, body, headers: json, status, field };
}

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`V${i}`, '']));

const types: Case[] = [
  bad('a name that is a number', { name: 5 }, 'name'),
  bad('a name that is null', { name: null }, 'name'),
  bad('an image that is a list', { docker_image: ['nginx'] }, 'docker_image'),
  bad('variables that are a list', { env_vars: ['A=1'] }, 'env_vars'),
  bad('variables that are a text', { env_vars: 'A=1' }, 'env_vars'),
  bad('a variable that is a number', { env_vars: { A: 1 } }, 'env_vars.A'),
  bad('a variable that is null', { env_vars: { A: null } }, 'env_vars.A'),
  bad('a port that is a text', { container_port: '80' }, 'container_port'),
  bad('a port that is true', { container_port: true }, 'container_port'),
  bad('a port with a fraction', { container_port: 80.5 }, 'container_port'),
  bad('hostnames that are a text', { hostnames: 'a.localhost' }, 'hostnames'),
  bad('a hostname in the list that is a number', { hostnames: ['a.localhost', 7] }, 'hostnames.1'),
  bad('a command that is a text', { command: 'npm start' }, 'command'),
  bad('an entrypoint with a number in it', { entrypoint: ['sh', 1] }, 'entrypoint.1'),
  bad('a duration that is a number', { idle_timeout: 20 }, 'idle_timeout'),
  bad('a health check that is a text', { health_check: '/up' }, 'health_check'),
  rawBody('a body that is a list', '[]', 422, 'body'),
  rawBody('a body that is a text', '"app"', 422, 'body'),
  rawBody('a body that is null', 'null', 422, 'body'),
];

const ranges: Case[] = [
  bad('port 0', { container_port: 0 }, 'container_port'),
  bad('port 65536', { container_port: 65_536 }, 'container_port'),
  bad('a negative port', { container_port: -1 }, 'container_port'),
  rawBody(
    'a port beyond every number',
    JSON.stringify(good).replace('}', ',"container_port":1e999}'),
    422,
    'container_port',
  ),
  bad('an idle timeout that is too short', { idle_timeout: '10ms' }, 'idle_timeout'),
  bad('an idle timeout that is too long', { idle_timeout: '366d' }, 'idle_timeout'),
  bad('an empty duration', { idle_timeout: '' }, 'idle_timeout'),
  bad('a duration without a unit', { idle_timeout: '20' }, 'idle_timeout'),
  bad('a duration with a wrong unit', { idle_timeout: '20 seconds' }, 'idle_timeout'),
  bad('a negative duration', { stop_timeout: '-1s' }, 'stop_timeout'),
  bad('"never" where it makes no sense', { wake_timeout: 'never' }, 'wake_timeout'),
  bad('a wake timeout as long as the stop timeout', { wake_timeout: '10s' }, 'wake_timeout'),
  bad('a stop timeout longer than the wake timeout', { stop_timeout: '61s' }, 'stop_timeout'),
  bad('a thousand and one variables', { env_vars: many(1_001) }, 'env_vars'),
  bad('a variable of more than 32 KB', { env_vars: { A: 'x'.repeat(32_769) } }, 'env_vars.A'),
  bad('no hostname in the list', { hostnames: [], hostname: undefined }, 'hostnames'),
  bad(
    'a hundred and one hostnames',
    { hostname: undefined, hostnames: Array.from({ length: 101 }, (_, i) => `h${i}.localhost`) },
    'hostnames',
  ),
  bad(
    'a hundred hostnames and one',
    { hostnames: Array.from({ length: 100 }, (_, i) => `h${i}.localhost`) },
    'hostnames',
  ),
  bad(
    'a health check timeout of nothing',
    { health_check: { path: '/', timeout: '0s' } },
    'health_check.timeout',
  ),
];

const quiet = (rule: unknown): Record<string, unknown> => ({ quiet_rules: [{ path: '/up' }, rule] });

const waiting: Case[] = [
  bad('HTTPS by a word', { ssl: 'yes' }, 'ssl'),
  bad('a redirect by a number', { ssl_redirect: 1 }, 'ssl_redirect'),
  bad('a response timeout without a unit', { response_timeout: '30' }, 'response_timeout'),
  bad('a response timeout of nothing', { response_timeout: '0s' }, 'response_timeout'),
  bad('headers by a word', { forward_headers: 'all' }, 'forward_headers'),
  bad('a path prefix without its slash', { path_prefix: 'api' }, 'path_prefix'),
  bad('a path prefix with a query', { path_prefix: '/api?x=1' }, 'path_prefix'),
  bad('a path prefix with a space', { path_prefix: '/a b' }, 'path_prefix'),
  bad('a path prefix without end', { path_prefix: `/${'a'.repeat(1_024)}` }, 'path_prefix'),
  bad('an unknown wait mode', { wait_mode: 'queue' }, 'wait_mode'),
  bad('a wait mode that is a number', { wait_mode: 1 }, 'wait_mode'),
  bad('quiet rules that are no list', { quiet_rules: { path: '/up' } }, 'quiet_rules'),
  bad(
    'twenty-one quiet rules',
    { quiet_rules: Array.from({ length: 21 }, () => ({ path: '/up' })) },
    'quiet_rules',
  ),
  bad('dependencies that are names', { depends_on: ['db'] }, 'depends_on.0'),
  bad('a dependency without a project', { depends_on: [{ condition: 'ready' }] }, 'depends_on.0.project'),
  bad('a dependency with a name that is none', { depends_on: [{ project: 'DB' }] }, 'depends_on.0.project'),
  bad('an unknown condition', { depends_on: [{ project: 'db', condition: 'up' }] }, 'depends_on.0.condition'),
  bad(
    'a dependency given twice',
    { depends_on: [{ project: 'db' }, { project: 'db', condition: 'started' }] },
    'depends_on.1.project',
    'duplicate',
  ),
  bad(
    '51 dependencies',
    { depends_on: Array.from({ length: 51 }, (_, at) => ({ project: `p${at}` })) },
    'depends_on',
  ),
  bad('a group with a space', { group: 'my shop' }, 'group'),
  bad('an empty group', { group: '' }, 'group'),
  bad(
    'a schedule that does nothing',
    { schedules: [{ cron: '0 8 * * *' }] },
    'schedules.0.keep_awake',
    'required',
  ),
  bad(
    'a schedule that does both',
    { schedules: [{ cron: '0 8 * * *', wake: true, keep_awake: '1h' }] },
    'schedules.0.keep_awake',
    'not_allowed',
  ),
  bad(
    'a schedule that does not wake',
    { schedules: [{ cron: '0 8 * * *', wake: false }] },
    'schedules.0.wake',
  ),
  bad(
    'cron with six fields',
    { schedules: [{ cron: '0 0 8 * * *', wake: true }] },
    'schedules.0.cron',
    'not_a_cron',
  ),
  bad(
    'cron with an hour of 25',
    { schedules: [{ cron: '0 25 * * *', wake: true }] },
    'schedules.0.cron',
    'not_a_cron',
  ),
  bad(
    'a nickname for cron',
    { schedules: [{ cron: '@daily', wake: true }] },
    'schedules.0.cron',
    'not_a_cron',
  ),
  bad(
    'a date that never comes',
    { schedules: [{ cron: '0 0 30 2 *', wake: true }] },
    'schedules.0.cron',
    'never_comes',
  ),
  bad(
    'a time zone that is none',
    { schedules: [{ cron: '0 8 * * *', wake: true, time_zone: 'Berlin' }] },
    'schedules.0.time_zone',
    'not_a_time_zone',
  ),
  bad(
    'a window of a second',
    { schedules: [{ cron: '0 8 * * *', keep_awake: '1s' }] },
    'schedules.0.keep_awake',
    'out_of_range',
  ),
  bad('a quiet rule without a condition', quiet({}), 'quiet_rules.1'),
  bad('a quiet rule with nothing but an answer', quiet({ answer: { status: 200 } }), 'quiet_rules.1'),
  bad('a quiet rule with an unknown field', quiet({ paths: '/up' }), 'quiet_rules.1.paths'),
  bad('a quiet path without a slash', quiet({ path: 'up' }), 'quiet_rules.1.path'),
  bad('a quiet path that is only a star', quiet({ path: '*' }), 'quiet_rules.1.path'),
  bad('a quiet path with a star in the middle', quiet({ path: '/a*b' }), 'quiet_rules.1.path'),
  bad('a quiet path with a query', quiet({ path: '/up?x=1' }), 'quiet_rules.1.path'),
  bad('a quiet method in lower case', quiet({ methods: ['get'] }), 'quiet_rules.1.methods.0'),
  bad('no method in the list', quiet({ methods: [] }), 'quiet_rules.1.methods'),
  bad('an empty user agent', quiet({ user_agent: '' }), 'quiet_rules.1.user_agent'),
  bad('a user agent that no field can have', quiet({ user_agent: 'a\nb' }), 'quiet_rules.1.user_agent'),
  bad('a client that is a name', quiet({ client: 'localhost' }), 'quiet_rules.1.client'),
  bad('a client range with bits too many', quiet({ client: '10.0.0.1/8' }), 'quiet_rules.1.client'),
  bad('a quiet status of 100', quiet({ path: '/', answer: { status: 100 } }), 'quiet_rules.1.answer.status'),
  bad('a quiet status of 600', quiet({ path: '/', answer: { status: 600 } }), 'quiet_rules.1.answer.status'),
  bad(
    'a quiet body that is too long',
    quiet({ path: '/', answer: { body: 'x'.repeat(1_001) } }),
    'quiet_rules.1.answer.body',
  ),
  bad(
    'a quiet body with a status that has none',
    quiet({ path: '/', answer: { status: 204, body: 'x' } }),
    'quiet_rules.1.answer.body',
  ),
];

const contents: Case[] = [
  bad('an empty name', { name: '' }, 'name'),
  bad('a name in upper case', { name: 'App' }, 'name'),
  bad('a name with an underscore', { name: 'my_app' }, 'name'),
  bad('a name that begins with a hyphen', { name: '-app' }, 'name'),
  bad('a name of 64 characters', { name: 'a'.repeat(64) }, 'name'),
  bad('a name with a path in it', { name: '../../etc/passwd' }, 'name'),
  bad('a name with a newline at its end', { name: 'app\n' }, 'name'),
  bad('no name', { name: undefined }, 'name'),
  bad('no image and no command', { docker_image: undefined }, 'docker_image'),
  bad('an empty image', { docker_image: '' }, 'docker_image'),
  bad('an image in upper case', { docker_image: 'Nginx' }, 'docker_image'),
  bad('an image with a scheme', { docker_image: 'https://docker.io/nginx' }, 'docker_image'),
  bad('an image with a flag before it', { docker_image: '--privileged nginx' }, 'docker_image'),
  bad('an image with a short digest', { docker_image: 'nginx@sha256:abc' }, 'docker_image'),
  bad('no hostname', { hostname: undefined }, 'hostname'),
  bad('a hostname with a port', { hostname: 'app.localhost:8080' }, 'hostname', 'has_a_port'),
  bad('a hostname with a scheme', { hostname: 'http://app.localhost' }, 'hostname'),
  bad('a hostname with a path', { hostname: 'app.localhost/x' }, 'hostname'),
  bad('a hostname with a space', { hostname: 'app .localhost' }, 'hostname'),
  bad('a hostname with an underscore', { hostname: 'my_app.localhost' }, 'hostname'),
  bad('a hostname with an empty label', { hostname: 'app..localhost' }, 'hostname'),
  bad('a hostname that ends with a dot', { hostname: 'app.localhost.' }, 'hostname'),
  bad('a hostname that begins with a hyphen', { hostname: '-app.localhost' }, 'hostname'),
  bad('a hostname with a label of 64', { hostname: `${'a'.repeat(64)}.localhost` }, 'hostname'),
  bad('a hostname of 300', { hostname: `${'a.'.repeat(150)}b` }, 'hostname'),
  bad('a hostname with foreign letters', { hostname: 'bücher.localhost' }, 'hostname', 'not_ascii'),
  bad('a hostname that is an IPv4 address', { hostname: '127.0.0.1' }, 'hostname', 'is_an_address'),
  bad('a hostname that is an IPv6 address', { hostname: '[::1]' }, 'hostname', 'is_an_address'),
  bad('a wildcard in the middle', { hostname: 'a.*.localhost' }, 'hostname', 'bad_wildcard'),
  bad('a wildcard of everything', { hostname: '*' }, 'hostname', 'bad_wildcard'),
  bad('a hostname with CRLF in it', { hostname: 'a\r\nX-Evil: 1' }, 'hostname'),
  bad('a hostname given twice', { hostnames: ['a.localhost', 'A.localhost'] }, 'hostnames.1', 'duplicate'),
  bad('PORT among the variables', { env_vars: { PORT: '80' } }, 'env_vars.PORT', 'reserved'),
  bad('K_SERVICE among the variables', { env_vars: { K_SERVICE: 'x' } }, 'env_vars.K_SERVICE', 'reserved'),
  bad('LUMA_X among the variables', { env_vars: { LUMA_X: 'x' } }, 'env_vars.LUMA_X', 'reserved'),
  bad('a variable with = in its name', { env_vars: { 'A=B': 'x' } }, 'env_vars.A=B'),
  bad('a variable without a name', { env_vars: { '': 'x' } }, 'env_vars.'),
  bad('a variable that begins with a digit', { env_vars: { '1A': 'x' } }, 'env_vars.1A'),
  bad('a variable with NUL in it', { env_vars: { A: 'x\0y' } }, 'env_vars.A', 'nul_byte'),
  bad('an empty command', { command: [] }, 'command'),
  bad('a command without a program', { command: ['', 'x'] }, 'command'),
  bad('a command with NUL in it', { command: ['a\0b'] }, 'command.0'),
  bad('a relative working directory', { working_dir: 'srv' }, 'working_dir'),
  bad('a working directory with NUL in it', { working_dir: '/srv\0' }, 'working_dir'),
  bad('a health check without a path', { health_check: {} }, 'health_check.path'),
  bad('a health check of another host', { health_check: { path: 'http://evil/' } }, 'health_check.path'),
  bad('a health check with CRLF in it', { health_check: { path: '/a\r\nX: 1' } }, 'health_check.path'),
  bad('a probe without a check', { probes: { liveness: {} } }, 'probes.liveness', 'required'),
  bad(
    'a probe with two checks',
    { probes: { liveness: { tcp_socket: {}, exec: { command: ['x'] } } } },
    'probes.liveness',
    'not_allowed',
  ),
  bad(
    'a probe that takes longer than its period',
    { probes: { readiness: { tcp_socket: {}, timeout: '11s' } } },
    'probes.readiness.timeout',
    'timeout_above_period',
  ),
  bad(
    'a probe whose header frames its request',
    { probes: { startup: { http_get: { path: '/', headers: { 'Content-Length': '1' } } } } },
    'probes.startup.http_get.headers.Content-Length',
    'reserved',
  ),
  bad(
    'a probe with CRLF in a header',
    { probes: { startup: { http_get: { path: '/', headers: { A: 'b\r\nC: d' } } } } },
    'probes.startup.http_get.headers.A',
    'not_printable',
  ),
  bad(
    'a probe of another host',
    { probes: { liveness: { http_get: { path: 'http://evil/' } } } },
    'probes.liveness.http_get.path',
  ),
  bad(
    'a probe every millisecond',
    { probes: { liveness: { tcp_socket: {}, period: '1ms' } } },
    'probes.liveness.period',
    'out_of_range',
  ),
  bad(
    'a liveness probe that wants several successes',
    { probes: { liveness: { tcp_socket: {}, success_threshold: 2 } } },
    'probes.liveness.success_threshold',
    'unknown_field',
  ),
  bad(
    'a startup probe beside its short form',
    { health_check: { path: '/' }, probes: { startup: { tcp_socket: {} } } },
    'probes.startup',
    'not_allowed',
  ),
  bad('an unknown field', { privileged: true }, 'privileged', 'unknown_field'),
  bad('an unknown field inside', { health_check: { path: '/', interval: '1s' } }, 'health_check.interval'),
  bad('a field that only Luma writes', { status: 'running' }, 'status', 'unknown_field'),
  bad('constructor as a field', { constructor: {} }, 'constructor', 'unknown_field'),
];

const bodies: Case[] = [
  rawBody('no JSON at all', 'name=app', 400, 'body'),
  rawBody('an empty body', '', 400, 'body'),
  rawBody('JSON that is cut off', '{"name":"app"', 400, 'body'),
  rawBody('JSON with something after it', `${JSON.stringify(good)}{}`, 400, 'body'),
  rawBody('JSON with a comment', `{"name":"app"/*x*/}`, 400, 'body'),
  rawBody('NaN', '{"container_port":NaN}', 400, 'body'),
  rawBody('a key given twice', '{"name":"app","name":"b","docker_image":"x","hostname":"a"}', 422, 'name'),
  rawBody('a variable given twice in disguise', '{"env_vars":{"A":"1","\\u0041":"2"}}', 422, 'env_vars.A'),
  rawBody('__proto__', '{"__proto__":{"name":"app"}}', 422, '__proto__'),
  rawBody('__proto__ among the variables', '{"env_vars":{"__proto__":"1"}}', 422, 'env_vars.__proto__'),
  rawBody('lists a hundred deep', deep(100), 400, 'body'),
  rawBody('lists half a million deep', deep(500_000), 400, 'body'),
  rawBody('more than a megabyte', JSON.stringify({ ...good, x: 'x'.repeat(1024 * 1024) }), 413, 'body'),
  {
    title: 'bytes that are no UTF-8',
    body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]),
    headers: json,
    status: 400,
    field: 'body',
  },
  {
    title: 'a form',
    body: 'name=app',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    status: 415,
    field: 'Content-Type',
  },
  {
    title: 'JSON said to be text',
    body: JSON.stringify(good),
    headers: { 'Content-Type': 'text/plain' },
    status: 415,
    field: 'Content-Type',
  },
  {
    title: 'JSON in another charset',
    body: JSON.stringify(good),
    headers: { 'Content-Type': 'application/json; charset=utf-16' },
    status: 415,
    field: 'Content-Type',
  },
  {
    title: 'compressed JSON',
    body: Bun.gzipSync(JSON.stringify(good)),
    headers: { ...json, 'Content-Encoding': 'gzip' },
    status: 415,
    field: 'Content-Type',
  },
];

const changes: Case[] = [
  {
    title: 'PATCH of an unknown field',
    method: 'PATCH',
    path: '/projects/taken',
    body: { image: 'x' },
    status: 422,
    field: 'image',
  },
  {
    title: 'PATCH of the name',
    method: 'PATCH',
    path: '/projects/taken',
    body: { name: 'other' },
    status: 422,
    field: 'name',
  },
  {
    title: 'PATCH with a bad value',
    method: 'PATCH',
    path: '/projects/taken',
    body: { container_port: 0 },
    status: 422,
    field: 'container_port',
  },
  {
    title: 'PATCH that takes the last hostname',
    method: 'PATCH',
    path: '/projects/taken',
    body: { hostnames: null, hostname: null },
    status: 422,
    field: 'hostname',
  },
  { title: 'PATCH of nobody', method: 'PATCH', path: '/projects/nobody', body: {}, status: 404 },
  {
    title: 'PUT of another name',
    method: 'PUT',
    path: '/projects/app',
    body: { ...good, name: 'other' },
    status: 422,
    field: 'name',
  },
  {
    title: 'PUT of an impossible name',
    method: 'PUT',
    path: '/projects/App_1',
    body: { ...good, name: undefined },
    status: 422,
    field: 'name',
  },
  {
    title: 'PUT of nothing',
    method: 'PUT',
    path: '/projects/app',
    body: {},
    status: 422,
    field: 'docker_image',
  },
  {
    title: 'POST of a taken name',
    body: { ...good, name: 'taken' },
    status: 409,
    code: 'project_exists',
    field: 'name',
  },
  {
    title: 'POST of a taken hostname',
    body: { ...good, hostname: 'TAKEN.localhost' },
    status: 409,
    code: 'hostname_taken',
    field: 'hostname',
  },
];

const get = (title: string, path: string, status: number, field?: string): Case => ({
  title,
  method: 'GET',
  path,
  status,
  ...(field ? { field } : {}),
});

const paths: Case[] = [
  get('an unknown path', '/nothing', 404),
  get('the root', '/', 404),
  get('a slash at the end', '/projects/', 404),
  get('an escaped dot segment', '/projects/%2e%2e/projects', 404, 'path'),
  get('a dot segment', '/projects/../healthz', 404, 'path'),
  get('an escaped slash', '/projects/taken%2flogs', 404, 'path'),
  get('a backslash', '/projects\\taken', 404, 'path'),
  get('an escaped NUL', '/projects/taken%00', 404, 'path'),
  get('a double slash', '//projects', 404, 'path'),
  get('an escaped name', '/projects/%74aken', 404, 'path'),
  get('an absolute target', 'http://evil.example/projects', 404, 'path'),
  get('a name in upper case', '/projects/TAKEN', 404, 'name'),
  get('a name of a thousand', `/projects/${'a'.repeat(1_000)}`, 404, 'name'),
  get('a verb by GET', '/projects/taken/wake', 405),
  { title: 'an unknown verb', method: 'POST', path: '/projects/taken/explode', status: 404 },
  { title: 'DELETE of everything', method: 'DELETE', path: '/projects', status: 405 },
  { title: 'TRACE', method: 'TRACE', path: '/projects', status: 405 },
  { title: 'OPTIONS', method: 'OPTIONS', path: '/projects', status: 405 },
  get('a tail that is no number', '/projects/taken/logs?tail=all', 422, 'tail'),
  get('a negative tail', '/projects/taken/logs?tail=-1', 422, 'tail'),
  get('a tail beyond the limit', '/projects/taken/logs?tail=100001', 422, 'tail'),
  get('a tail given twice', '/projects/taken/logs?tail=1&tail=2', 422, 'tail'),
  get('a since that is no time', '/projects/taken/logs?since=yesterday', 422, 'since'),
  get('a follow that is maybe', '/projects/taken/logs?follow=maybe', 422, 'follow'),
  get('an unknown parameter', '/projects/taken/logs?tial=5', 422, 'tial'),
  get('a limit of nothing', '/projects/taken/events?limit=0', 422, 'limit'),
  get('an after that is no number', '/projects/taken/events?after=x', 422, 'after'),
];

const trust: Case[] = [
  {
    title: 'the Host of somebody else',
    headers: { ...json, Host: 'evil.example' },
    body: good,
    status: 403,
    field: 'Host',
  },
  {
    title: 'a Host below localhost',
    headers: { ...json, Host: 'evil.localhost:PORT' },
    body: good,
    status: 403,
    field: 'Host',
  },
  {
    title: 'a Host with another port',
    headers: { ...json, Host: 'localhost:1' },
    body: good,
    status: 403,
    field: 'Host',
  },
  {
    title: 'a Host without the port',
    headers: { ...json, Host: '127.0.0.1' },
    body: good,
    status: 403,
    field: 'Host',
  },
  {
    title: 'the Origin of a web page',
    headers: { ...json, Origin: 'https://evil.example' },
    body: good,
    status: 403,
    field: 'Origin',
  },
  {
    title: 'the Origin of an app',
    headers: { ...json, Origin: 'http://evil.localhost:8080' },
    body: good,
    status: 403,
    field: 'Origin',
  },
  {
    title: 'the Origin null',
    headers: { ...json, Origin: 'null' },
    body: good,
    status: 403,
    field: 'Origin',
  },
  {
    title: 'the Origin with https',
    headers: { ...json, Origin: 'https://127.0.0.1:PORT' },
    body: good,
    status: 403,
    field: 'Origin',
  },
  {
    title: 'cross-site by the browser',
    headers: { ...json, 'Sec-Fetch-Site': 'cross-site' },
    body: good,
    status: 403,
    field: 'Sec-Fetch-Site',
  },
  {
    title: 'same-site by the browser',
    headers: { ...json, 'Sec-Fetch-Site': 'same-site' },
    body: good,
    status: 403,
    field: 'Sec-Fetch-Site',
  },
  {
    title: 'GET across sites',
    method: 'GET',
    headers: { 'Sec-Fetch-Site': 'cross-site' },
    status: 403,
    field: 'Sec-Fetch-Site',
  },
  {
    title: 'GET of a foreign Host',
    method: 'GET',
    headers: { Host: 'rebound.example:PORT' },
    status: 403,
    field: 'Host',
  },
  {
    title: 'DELETE by a web page',
    method: 'DELETE',
    path: '/projects/taken',
    headers: { Origin: 'http://evil.localhost' },
    status: 403,
    field: 'Origin',
  },
];

const groups = { types, ranges, waiting, contents, bodies, changes, paths, trust };

describe('bad input', () => {
  let control: ScriptedControl;
  let api: ApiServer;
  let before: string;

  beforeAll(async () => {
    control = new ScriptedControl();
    const options = { control, clock: systemClock, log: silentLog, version: '0.1.0' };
    api = await createApiServer({ ...options, hostname: '127.0.0.1', port: 0 });
    const taken = { ...good, name: 'taken', hostname: 'taken.localhost' };
    const made = await send({ title: 'the good one', body: taken, status: 201 });
    expect(made.status).toBe(201);
    before = control.stored();
  });

  afterAll(() => api.stop());

  test('is at least sixty cases', () => {
    expect(Object.values(groups).flat().length).toBeGreaterThan(60);
  });

  for (const [group, cases] of Object.entries(groups)) {
    describe(group, () => {
      for (const one of cases) {
        test(`${one.title}: ${one.status}${one.field === undefined ? '' : `, names ${one.field}`}`, async () => {
          const { status, type, problem } = await send(one);
          expect(status).toBe(one.status);
          expect(type).toBe('application/problem+json');
          expect(problem).toMatchObject({ status: one.status, type: `urn:luma:problem:${problem['code']}` });
          const errors = (problem['errors'] ?? []) as { field: string; code: string; message: string }[];
          if (one.field !== undefined) expect(errors.map(({ field }) => field)).toContain(one.field);
          if (one.code !== undefined) {
            expect([problem['code'], ...errors.map(({ code }) => code)]).toContain(one.code);
          }
          // One entry for each field, each in words.
          expect(new Set(errors.map(({ field }) => field)).size).toBe(errors.length);
          for (const { message } of errors) expect(message).toMatch(/^\S.{5,}/);
          expect(control.stored()).toBe(before);
        });
      }
    });
  }

  /** Byte for byte: clients of other libraries would tidy the path and the headers first. */
  function send(one: Case): Promise<{ status: number; type: string; problem: Record<string, unknown> }> {
    const { method = 'POST', path = '/projects', headers, body } = one;
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const bytes = body === undefined ? null : Buffer.from(isRaw ? (body as string) : JSON.stringify(body));
    const sent = new Map(
      Object.entries({ Host: '127.0.0.1:PORT', ...(bytes && !isRaw ? json : {}), ...headers }),
    );
    if (bytes) sent.set('Content-Length', String(bytes.length));
    sent.set('Connection', 'close');
    const lines = [...sent].map(([name, value]) => `${name}: ${value.replace('PORT', String(api.port))}`);
    return exchange(
      Buffer.concat([
        Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`),
        bytes ?? Buffer.alloc(0),
      ]),
    );
  }

  function exchange(
    request: Buffer,
  ): Promise<{ status: number; type: string; problem: Record<string, unknown> }> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(api.port, '127.0.0.1', () => socket.write(request));
      socket.on('data', (chunk) => chunks.push(chunk));
      // A refusal may come, and the connection end, before all of a large body was taken.
      socket.on('error', (error) => (chunks.length > 0 ? undefined : reject(error)));
      socket.on('close', () => {
        const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n', 2);
        const type = /^content-type: (.*)$/im.exec(head)?.[1] ?? '';
        const document = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
        resolve({ status: Number(head.split(' ')[1]), type, problem: JSON.parse(document || '{}') });
      });
    });
  }
});
