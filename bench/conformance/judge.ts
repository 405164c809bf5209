/**
 * Whether what a server did is what a case asks for. By meaning, not by bytes: others add fields, order them in their
 * own way and frame bodies anew, and may. A pure function.
 */
import type { ProtocolCase } from '../../test/http1/case-document.ts';
import { readMessages, statusOf, type WireMessage } from './messages.ts';

export interface Run {
  /** What the target saw and what the client got. */
  readonly seen: string;
  readonly got: string;
  readonly hasClosed: boolean;
}

/** Null: right. Otherwise what is not. */
export function judge(one: ProtocolCase, run: Run): string | null {
  if (one.alsoRight !== null && !/^(passing|refusing)/.test(one.alsoRight)) return null;
  const wrong = judgeStrictly(one, run);
  if (wrong === null || one.alsoRight === null) return wrong;
  const outcome = outcomeOf(one, run);
  if (one.alsoRight.startsWith('passing')) return outcome === 'passed' ? null : wrong;
  return outcome === 'refused' ? null : wrong;
}

/** `{400 bad_request + close}` of a document, as the status line it stands for. */
function spelledOut(gets: string): string {
  return gets
    .replaceAll(
      /\{(\d{3}) [a-z_]+(?: \+ close)?\}\r\n/g,
      'HTTP/1.1 $1 Own\r\nX-Own: 1\r\nContent-Length: 0\r\n\r\n',
    )
    .replace(/\{close\}\r\n$/, '');
}

function methodsOf(one: ProtocolCase): string[] {
  return readMessages(one.client.join(''), 'requests').messages.map(
    (message) => message.startLine.split(' ')[0] ?? '',
  );
}

function outcomeOf(one: ProtocolCase, run: Run): 'passed' | 'refused' | 'other' {
  const last = readMessages(run.got, 'answers', methodsOf(one)).messages.at(-1);
  if (last === undefined) return run.hasClosed ? 'refused' : 'other';
  const status = statusOf(last.startLine);
  if (status < 400 && last.isComplete) return 'passed';
  return status < 600 ? 'refused' : 'other';
}

function judgeStrictly(one: ProtocolCase, run: Run): string | null {
  return judgeAnswers(one, run) ?? judgeSeen(one, run) ?? judgeClose(one, run);
}

function judgeAnswers(one: ProtocolCase, run: Run): string | null {
  const methods = methodsOf(one);
  const expected = withoutContinue(readMessages(spelledOut(one.gets), 'answers', methods));
  const actual = withoutContinue(readMessages(run.got, 'answers', methods));
  for (const [index, wanted] of expected.messages.entries()) {
    const given = actual.messages[index];
    const isOwn = wanted.fields.some(([name]) => name === 'x-own');
    if (isOwn) {
      const wrong = judgeRefusal(wanted, given, run);
      if (wrong !== null) return wrong;
      continue;
    }
    if (given === undefined) return `no answer ${index + 1}`;
    const wrong = judgeAnswer(wanted, given);
    if (wrong !== null) return wrong;
  }
  if (expected.rest !== '' && !actual.rest.includes(expected.rest.trim()))
    return 'what the tunnel said is missing';
  if (actual.messages.length > expected.messages.length) return 'an answer too many';
  return null;
}

/** Who asks for a body may do so itself, or leave it to the target (RFC 9110 §10.1.1). */
function withoutContinue(read: ReturnType<typeof readMessages>): ReturnType<typeof readMessages> {
  return { messages: read.messages.filter(({ startLine }) => statusOf(startLine) !== 100), rest: read.rest };
}

/** Any refusal of the same class counts, also a closed connection without a word. */
function judgeRefusal(wanted: WireMessage, given: WireMessage | undefined, run: Run): string | null {
  if (given === undefined) return run.hasClosed ? null : 'neither an answer nor an end';
  const status = statusOf(given.startLine);
  const isOfTarget = statusOf(wanted.startLine) === 502;
  if (isOfTarget ? status >= 500 : status >= 400) return null;
  return `${status} instead of ${statusOf(wanted.startLine)}`;
}

function judgeAnswer(wanted: WireMessage, given: WireMessage): string | null {
  const status = statusOf(wanted.startLine);
  if (statusOf(given.startLine) !== status) return `${statusOf(given.startLine)} instead of ${status}`;
  if (given.body !== wanted.body) return 'another body';
  if (given.isComplete && !wanted.isComplete && isDelimited(given)) return 'a broken answer that looks whole';
  if (!given.isComplete && wanted.isComplete) return 'an answer without its end';
  return fieldsMissing(wanted, given) ?? hopFieldsIn(wanted, given);
}

function isDelimited(message: WireMessage): boolean {
  return message.fields.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
}

const OF_FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'date', 'te']);

function fieldsMissing(wanted: WireMessage, given: WireMessage): string | null {
  for (const name of new Set(wanted.fields.map(([key]) => key))) {
    if (OF_FRAMING.has(name)) continue;
    const values = (message: WireMessage): string =>
      message.fields
        .filter(([key]) => key === name)
        .map(([, value]) => value)
        .join('|');
    if (values(wanted) !== values(given))
      return `${name} is "${values(given)}" instead of "${values(wanted)}"`;
  }
  return null;
}

/** Names that only the client's or the target's words can have brought. */
const HOP_FIELDS = [
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'http2-settings',
  'x-hop',
  'upgrade',
  'a',
];

function hopFieldsIn(wanted: WireMessage, given: WireMessage): string | null {
  const has = (message: WireMessage, name: string): boolean => message.fields.some(([key]) => key === name);
  const extra = HOP_FIELDS.find(
    (name) => has(given, name) && !has(wanted, name) && !(name === 'keep-alive' && isAnswer(given)),
  );
  return extra === undefined ? null : `${extra} goes on`;
}

/** A server may say `Keep-Alive` of its own connection. */
function isAnswer(message: WireMessage): boolean {
  return message.startLine.startsWith('HTTP/');
}

function judgeSeen(one: ProtocolCase, run: Run): string | null {
  const isSilent = one.target.length !== one.answer.length || one.target.length === 0;
  const wanted = readMessages(one.target.join('').replaceAll('{forwarded}\r\n', ''), 'requests');
  const actual = readMessages(run.seen, 'requests');
  const complete = actual.messages.filter(({ isComplete }) => isComplete);
  if (isSilent) {
    // It may have begun to pass on what turned out to be wrong; a whole request must not have appeared.
    return complete.length > 0 ? `the target saw ${complete[0]?.startLine}` : null;
  }
  if (actual.messages.length !== wanted.messages.length)
    return `the target saw ${actual.messages.length} requests instead of ${wanted.messages.length}`;
  for (const [index, message] of wanted.messages.entries()) {
    const wrong = judgeRequest(message, actual.messages[index] ?? message);
    if (wrong !== null) return `target: ${wrong}`;
  }
  return null;
}

function judgeRequest(wanted: WireMessage, given: WireMessage): string | null {
  if (given.startLine !== wanted.startLine) return `"${given.startLine}" instead of "${wanted.startLine}"`;
  if (given.body !== wanted.body) return `body "${given.body}" instead of "${wanted.body}"`;
  if (given.isComplete !== wanted.isComplete) return 'another end of the body';
  const trailer = given.trailers.find((name) => !wanted.trailers.includes(name));
  if (trailer !== undefined) return `trailer ${trailer}`;
  return fieldsMissing(wanted, given) ?? hopFieldsIn(wanted, given);
}

function judgeClose(one: ProtocolCase, run: Run): string | null {
  return one.gets.endsWith('{close}\r\n') && !run.hasClosed ? 'the connection stays open' : null;
}
