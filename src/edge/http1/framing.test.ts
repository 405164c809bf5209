/**
 * Where messages begin and end: no mutation of a valid message leads to another framing, and wherever llhttp accepts what
 * the edge accepts, both see the same messages.
 */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { EDGE_LIMITS } from '../limits.ts';
import type { BodyFraming } from './body-framing.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { type OtherMessage, readWithLlhttp } from './llhttp.fixture.ts';
import { parseRequestHead } from './request-head.ts';
import { parseResponseHead } from './response-head.ts';

const IS_LONG = process.env['LUMA_TEST_LONG'] === '1';
const RUNS = IS_LONG ? 1_000_000 : 20_000;

interface Reading {
  readonly messages: OtherMessage[];
  readonly isRejected: boolean;
}

/** As a client connection does it: heads, bodies, until something is wrong, missing, or the last. */
function readRequests(bytes: Buffer): Reading {
  const messages: OtherMessage[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = parseRequestHead(bytes, at, bytes.length, EDGE_LIMITS);
    if (head.kind === 'incomplete') break;
    if (head.kind === 'rejected') return { messages, isRejected: true };
    const body = readBody(bytes, head.end, head.framing);
    if (body === 'rejected') return { messages, isRejected: true };
    if (body === 'incomplete') break;
    const line = bytes.toString('latin1', at, head.end).trimStart();
    messages.push({ target: line.split(' ')[1] ?? '', body: body.text });
    at = body.end;
    if (!head.isKeepAlive || head.upgrade !== null) break;
  }
  return { messages, isRejected: false };
}

function readAnswer(bytes: Buffer): Reading {
  const head = parseResponseHead(bytes, 0, bytes.length, false, EDGE_LIMITS);
  if (head.kind !== 'head') return { messages: [], isRejected: head.kind === 'rejected' };
  const body = readBody(bytes, head.end, head.framing);
  if (typeof body === 'string') return { messages: [], isRejected: body === 'rejected' };
  return { messages: [{ target: '', body: body.text }], isRejected: false };
}

type Body = { readonly text: string; readonly end: number } | 'incomplete' | 'rejected';

function readBody(bytes: Buffer, from: number, framing: BodyFraming): Body {
  if (framing.kind === 'none') return { text: '', end: from };
  if (framing.kind === 'until-close') return 'incomplete';
  if (framing.kind === 'length') {
    const end = from + framing.bytes;
    return end > bytes.length ? 'incomplete' : { text: bytes.toString('latin1', from, end), end };
  }
  const decoder = new ChunkedDecoder(EDGE_LIMITS);
  decoder.at = from;
  let text = '';
  for (;;) {
    const step = decoder.step(bytes, bytes.length);
    if (step === 'span') text += bytes.toString('latin1', decoder.spanFrom, decoder.spanTo);
    else if (step === 'complete') return { text, end: decoder.at };
    else return step === 'more' ? 'incomplete' : 'rejected';
  }
}

const DECOY = 'GET /decoy HTTP/1.1\r\nHost: a.test\r\n\r\n';

/** Requests whose bodies look like requests: a wrong end would show at once. */
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    target: fc.constantFrom('/a', '/b?c', 'http://a.test/d'),
    framing: fc.constantFrom('none', 'length', 'chunked', 'two chunks'),
    extra: fc.constantFrom('', 'Accept: */*\r\n', 'X-Long: a b\tc\r\nX: \r\n', 'Connection: keep-alive\r\n'),
    extension: fc.constantFrom('', ';a', ';a="b;c"'),
    trailer: fc.constantFrom('', 'X-T: 1\r\n'),
  })
  .map(({ method, target, framing, extra, extension, trailer }) => {
    const size = DECOY.length.toString(16);
    const one = `${size}${extension}\r\n${DECOY}\r\n`;
    const parts = {
      none: '\r\n',
      length: `Content-Length: ${DECOY.length}\r\n\r\n${DECOY}`,
      chunked: `Transfer-Encoding: chunked\r\n\r\n${one}0\r\n${trailer}\r\n`,
      'two chunks': `Transfer-Encoding: chunked\r\n\r\n${one}${one}0${extension}\r\n\r\n`,
    };
    return `${method} ${target} HTTP/1.1\r\nHost: a.test\r\n${extra}${parts[framing as keyof typeof parts]}`;
  });

const answer = fc
  .record({
    line: fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.0 200 OK', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 500 '),
    extra: fc.constantFrom('', 'Server: x\r\n', 'Connection: close\r\n', 'Keep-Alive: timeout=5\r\n'),
    framing: fc.constantFrom('length', 'chunked'),
  })
  .map(({ line, extra, framing }) =>
    framing === 'length'
      ? `${line}\r\n${extra}Content-Length: 5\r\n\r\nhello`
      : `HTTP/1.1 200 OK\r\n${extra}Transfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\n\r\n`,
  );

const BYTES = [
  ...[
    '\r',
    '\n',
    '\0',
    '\t',
    ' ',
    '\x0b',
    '\x0c',
    '\x7f',
    '\x80',
    '\xff',
    ':',
    ';',
    ',',
    '"',
    '+',
    '-',
    '_',
    '.',
  ],
  ...[
    '0',
    '1',
    '9',
    'a',
    'f',
    'x',
    'g',
    '\r\n',
    '\r\n\r\n',
    ' chunked',
    ', chunked',
    'Content-Length: 3\r\n',
  ],
  ...['Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: identity\r\n', '0\r\n\r\n'],
];

const mutation = fc.tuple(
  fc.constantFrom('drop', 'insert', 'replace', 'double', 'swap'),
  fc.nat(2_000),
  fc.constantFrom(...BYTES),
);

function mutated(text: string, [kind, place, bytes]: readonly [string, number, string]): string {
  const at = place % (text.length + 1);
  if (kind === 'drop') return text.slice(0, at) + text.slice(at + 1);
  if (kind === 'insert') return text.slice(0, at) + bytes + text.slice(at);
  if (kind === 'replace') return text.slice(0, at) + bytes + text.slice(at + bytes.length);
  if (kind === 'double') return text.slice(0, at) + text.slice(Math.max(0, at - 7));
  return text.slice(0, at) + text.slice(at + 1, at + 2) + text.slice(at, at + 1) + text.slice(at + 2);
}

const mutations = fc.array(mutation, { minLength: 0, maxLength: 3 });

/** What both took for whole messages, in order, is the same. */
function expectAgreement(
  ours: Reading,
  theirs: { messages: readonly OtherMessage[]; isRejected: boolean },
): void {
  const common = Math.min(ours.messages.length, theirs.messages.length);
  expect(ours.messages.slice(0, common)).toEqual(theirs.messages.slice(0, common));
  if (!ours.isRejected && !theirs.isRejected) expect(ours.messages.length).toBe(theirs.messages.length);
}

test('llhttp and the edge see the same requests wherever both accept', () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), mutations, (requests, changes) => {
      const bytes = Buffer.from(changes.reduce(mutated, requests.join('')), 'latin1');
      const ours = readRequests(bytes);
      const theirs = readWithLlhttp('request', bytes);
      if (changes.length === 0) expect(ours.messages.length).toBe(requests.length);
      if (!ours.isRejected && !theirs.isRejected && changes.length > 0) accepted++;
      expectAgreement(ours, theirs);
    }),
    { numRuns: RUNS },
  );
  // Otherwise the comparison compares nothing.
  expect(accepted).toBeGreaterThan(RUNS / 20);
}, 1_200_000);

test('llhttp and the edge see the same answer wherever both accept', () => {
  fc.assert(
    fc.property(answer, mutations, (text, changes) => {
      const bytes = Buffer.from(changes.reduce(mutated, text), 'latin1');
      const ours = readAnswer(bytes);
      const theirs = readWithLlhttp('answer', bytes);
      if (changes.length === 0) expect(ours.messages.length).toBe(1);
      if (ours.messages.length === 0 || theirs.messages.length === 0) return;
      expect(ours.messages[0]).toEqual(theirs.messages[0]);
    }),
    { numRuns: RUNS },
  );
}, 1_200_000);

/** Bytes that end no name, no number and no line: put anywhere, they must not move the end of a message. */
const DISGUISES = [
  '\0',
  '\t',
  ' ',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xa0',
  '\xff',
  '\r',
  '\n',
  '"',
  '(',
  '/',
  '@',
];

test('a byte put into the lines that frame a message leads to the same framing or to a refusal', () => {
  fc.assert(
    fc.property(request, fc.nat(300), fc.constantFrom(...DISGUISES), (text, place, disguise) => {
      const lineFrom = text.search(/Content-Length|Transfer-Encoding/);
      fc.pre(lineFrom >= 0);
      const bodyFrom = text.indexOf('\r\n\r\n') + 4;
      const isChunked = text.startsWith('Transfer-Encoding', lineFrom);
      // The chunk-size line as well, up to its extension, where nearly every byte may stand.
      const sizeEnd = bodyFrom + (isChunked ? DECOY.length.toString(16).length : 0);
      const at = lineFrom + (place % (sizeEnd - lineFrom + 1));
      const whole = `${text.slice(0, at)}${disguise}${text.slice(at)}`;
      const before = readRequests(Buffer.from(text, 'latin1'));
      const after = readRequests(Buffer.from(whole, 'latin1'));
      // In the body of a known length a byte is a byte: it only pushes the last one out.
      fc.pre(isChunked || at < bodyFrom);
      if (after.isRejected || after.messages.length === 0) return;
      expect(after.messages).toEqual(before.messages);
    }),
    { numRuns: RUNS },
  );
}, 1_200_000);
