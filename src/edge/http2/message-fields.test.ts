import { expect, test } from 'bun:test';
import { RequestFields, ResponseFields, TrailerFields } from './message-fields.ts';

const ORDINARY = { ':method': 'GET', ':scheme': 'https', ':path': '/', ':authority': 'app.test' };

function request(fields: readonly (readonly [string, string])[], pseudo: object = ORDINARY): RequestFields {
  const request = new RequestFields(4_096);
  for (const [name, value] of Object.entries(pseudo)) request.field(name, value);
  for (const [name, value] of fields) request.field(name, value);
  request.finish();
  return request;
}

test('an ordinary request has nothing wrong with it, and its cookies are one', () => {
  const { flaw, lines, cookie, host } = request([
    ['accept', '*/*'],
    ['cookie', 'a=1'],
    ['te', 'trailers'],
    ['cookie', 'b=2'],
    ['host', 'app.test'],
  ]);
  expect([flaw, cookie, host]).toEqual([null, 'a=1; b=2', 'app.test']);
  expect(lines).toBe('accept: */*\r\nte: trailers\r\n');
});

test.each([
  ['upper case', 'Accept', '*/*'],
  ['an empty name', '', 'x'],
  ['a colon in a name', 'x:y', 'x'],
  ['a space in a name', 'x y', 'x'],
  ['a line end in a value', 'x', 'a\r\nEvil: 1'],
  ['a line feed in a value', 'x', 'a\nb'],
  ['a zero in a value', 'x', 'a\0'],
  ['white space before a value', 'x', ' a'],
  ['white space behind a value', 'x', 'a\t'],
  ['connection', 'connection', 'close'],
  ['transfer-encoding', 'transfer-encoding', 'chunked'],
  ['upgrade', 'upgrade', 'h2c'],
  ['keep-alive', 'keep-alive', '5'],
  ['proxy-connection', 'proxy-connection', 'x'],
  ['a TE other than trailers', 'te', 'gzip'],
  ['a late pseudo field', ':path', '/'],
  ['a pseudo field of answers', ':status', '200'],
  ['an unknown pseudo field', ':x', 'y'],
])('a request is malformed by %s', (_name, name, value) => {
  expect(
    request([
      ['accept', '*/*'],
      [name, value],
    ]).flaw,
  ).toBeString();
});

test.each([
  ['no method', { ':scheme': 'https', ':path': '/' }],
  ['no scheme', { ':method': 'GET', ':path': '/' }],
  ['no path', { ':method': 'GET', ':scheme': 'https' }],
  ['an empty path', { ...ORDINARY, ':path': '' }],
  ['a line end in its path', { ...ORDINARY, ':path': '/ HTTP/1.1\r\nEvil: 1' }],
  ['a path in a CONNECT', { ':method': 'CONNECT', ':authority': 'a:1', ':path': '/' }],
  ['a protocol without CONNECT', { ...ORDINARY, ':protocol': 'websocket' }],
])('a request is malformed by %s', (_name, pseudo) => {
  expect(request([], pseudo).flaw).toBeString();
});

test('a pseudo field that comes twice is malformed', () => {
  const fields = new RequestFields(4_096);
  fields.field(':path', '/');
  fields.field(':path', '/');
  expect(fields.flaw).toBeString();
});

test('what is beyond the limit of a list is not gathered', () => {
  const fields = new RequestFields(100);
  for (let count = 0; count < 1_000; count++) fields.field('x-large', 'y'.repeat(50));
  expect(fields.isTooLarge).toBe(true);
  expect(fields.lines.length).toBeLessThan(100);
});

test('an answer needs a status, and trailers have none', () => {
  const answer = new ResponseFields(4_096);
  answer.field('server', 'x');
  answer.finish();
  expect(answer.flaw).toBe('no valid status');
  const trailers = new TrailerFields(4_096);
  trailers.field(':status', '200');
  expect(trailers.flaw).toBeString();
});
