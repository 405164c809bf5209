import { expect, test } from 'bun:test';
import { LumaError } from '../../base/errors.ts';
import { type AcmeProblemError, problemOf, readFailure, retryAfterOf } from './acme-problem.ts';

const problem = (type: string, retryAfterMs: number | null = null): AcmeProblemError =>
  problemOf(403, { type: `urn:ietf:params:acme:error:${type}`, detail: 'because' }, retryAfterMs);

test('what a CA says becomes a code, its words, and how soon to ask again', () => {
  expect(['caa', 'rejectedIdentifier', 'connection', 'serverInternal', 'somethingNew'].map(gradeOf)).toEqual([
    ['acme_caa', 'refused'],
    ['acme_rejected_identifier', 'refused'],
    ['acme_connection', 'failed'],
    ['acme_server_internal', 'unreachable'],
    ['acme_problem', 'failed'],
  ]);
  expect(readFailure(problem('dns')).message).toBe('the CA says: because');
});

function gradeOf(type: string): [string, string] {
  const { code, grade } = readFailure(problem(type));
  return [code, grade];
}

test('a rate limit keeps the time that the CA names', () => {
  expect(readFailure(problem('rateLimited', 7_200_000))).toMatchObject({
    code: 'acme_rate_limited',
    retryAfterMs: 7_200_000,
  });
});

test('a gateway that knows no problem documents is understood by its status', () => {
  expect(problemOf(429, '<html>', 1_000).type).toBe('rateLimited');
  expect(problemOf(503, '', null)).toMatchObject({
    type: 'serverInternal',
    message: 'the CA says: HTTP 503',
  });
  expect(problemOf(404, null, null).type).toBe('malformed');
});

test('a type by the name of an object’s own property is only an unknown type', () => {
  expect(gradeOf('constructor')).toEqual(['acme_problem', 'failed']);
});

test('our own failures wait for a person, for the CA, or for the next try', () => {
  const grade = (code: string): string => readFailure(new LumaError(code, 'x')).grade;
  expect(['acme_wildcard_needs_dns', 'acme_unreachable', 'dns_zone_unknown'].map(grade)).toEqual([
    'refused',
    'unreachable',
    'failed',
  ]);
  expect(readFailure(new Error('odd')).code).toBe('acme_protocol');
});

test('Retry-After is seconds or a date, and the past is nothing', () => {
  const now = Date.parse('2030-01-01T00:00:00Z');
  const read = (field: string | null): number | null => retryAfterOf(field, now);
  expect(read('120')).toBe(120_000);
  expect(read('Tue, 01 Jan 2030 00:01:00 GMT')).toBe(60_000);
  expect([null, '', 'soon', '0', '-5', 'Mon, 31 Dec 2029 00:00:00 GMT'].map(read)).toEqual(
    Array.from({ length: 6 }, () => null),
  );
});
