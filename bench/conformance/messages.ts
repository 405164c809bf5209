/** Reads what went over a wire as HTTP messages, leniently: the judge wants to know what others would make of it. */

export interface WireMessage {
  readonly startLine: string;
  /** Lower-case names and trimmed values, in order; trailers are not among them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** The body is all there; until the end of the connection counts as complete. */
  readonly isComplete: boolean;
  readonly trailers: readonly string[];
  /** Of the first byte behind it. */
  readonly end: number;
}

/** What is no message ends the list: `rest` is where. `noBodyFor`: methods of the requests that are answered. */
export function readMessages(
  text: string,
  kind: 'requests' | 'answers',
  methods: readonly string[] = [],
): { messages: WireMessage[]; rest: string } {
  const messages: WireMessage[] = [];
  let at = 0;
  let finals = 0;
  while (at < text.length) {
    const head = headAt(text, at);
    if (head === null || !START[kind].test(head.startLine)) break;
    const status = kind === 'answers' ? statusOf(head.startLine) : 0;
    const isBodiless =
      kind === 'answers' && (status < 200 || status === 204 || status === 304 || methods[finals] === 'HEAD');
    const message = isBodiless
      ? { ...head, body: '', isComplete: true, trailers: [], end: head.bodyFrom }
      : withBody(text, head, kind);
    if (status >= 200) finals++;
    messages.push(message);
    at = message.end;
    if (status === 101 || !message.isComplete) break;
  }
  return { messages, rest: text.slice(at) };
}

const START = { requests: /^\S+ \S+ HTTP\/1\.[0-9]$/, answers: /^HTTP\/1\.[0-9] [0-9]{3}/ } as const;

export function statusOf(startLine: string): number {
  return Number(startLine.slice(9, 12));
}

interface Head {
  readonly startLine: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly bodyFrom: number;
}

function headAt(text: string, at: number): Head | null {
  const end = text.indexOf('\r\n\r\n', at);
  if (end < 0) return null;
  const [startLine = '', ...lines] = text.slice(at, end).split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { startLine, fields, bodyFrom: end + 4 };
}

function withBody(text: string, head: Head, kind: 'requests' | 'answers'): WireMessage {
  const fieldNamed = (wanted: string): string | undefined =>
    head.fields.find(([name]) => name === wanted)?.[1];
  if (fieldNamed('transfer-encoding')?.toLowerCase() === 'chunked') return withChunks(text, head);
  const length = fieldNamed('content-length');
  if (length === undefined && kind === 'answers') {
    return { ...head, body: text.slice(head.bodyFrom), isComplete: true, trailers: [], end: text.length };
  }
  const end = head.bodyFrom + Number(length ?? 0);
  const body = text.slice(head.bodyFrom, end);
  return { ...head, body, isComplete: end <= text.length, trailers: [], end: Math.min(end, text.length) };
}

function withChunks(text: string, head: Head): WireMessage {
  let body = '';
  let at = head.bodyFrom;
  for (;;) {
    const line = /^([0-9a-fA-F]+)[^\r]*\r\n/.exec(text.slice(at, at + 64));
    const length = Number.parseInt(line?.[1] ?? '', 16);
    if (line === null || Number.isNaN(length))
      return { ...head, body, isComplete: false, trailers: [], end: at };
    at += line[0].length;
    if (length === 0) break;
    body += text.slice(at, at + length);
    at += length + 2;
    if (at > text.length) return { ...head, body, isComplete: false, trailers: [], end: text.length };
  }
  const end = text.startsWith('\r\n', at) ? at : text.indexOf('\r\n\r\n', at) + 2;
  if (end < at) return { ...head, body, isComplete: false, trailers: [], end: at };
  const names = text
    .slice(at, end)
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
  return { ...head, body, isComplete: true, trailers: names, end: end + 2 };
}
