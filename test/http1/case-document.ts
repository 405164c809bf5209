/** Reads the protocol cases of this folder: Markdown in, bytes to send and expect out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ProtocolCase {
  readonly file: string;
  readonly name: string;
  readonly client: readonly string[];
  /** Sent again and again after that, until there is an answer; null: nothing. */
  readonly drips: string | null;
  readonly target: readonly string[];
  readonly answer: readonly string[];
  readonly gets: string;
  /** The sentence it stands on. */
  readonly sentence: string;
  /** What else is right, in words; null: nothing. */
  readonly alsoRight: string | null;
}

export function readCases(folder: string): ProtocolCase[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.md') && file !== 'README.md');
  return files.toSorted().flatMap((file) => casesOf(file, readFileSync(join(folder, file), 'utf8')));
}

function casesOf(file: string, text: string): ProtocolCase[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const name = section.slice(0, section.indexOf('\n')).trim();
      const sentence = [...section.matchAll(/^> (.*)$/gm)].map((match) => match[1]).join(' ');
      const blocks = (kind: string): string[] =>
        [...section.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) =>
          bytesOf(match[1] ?? ''),
        );
      const gets = blocks('gets')[0];
      if (sentence === '' || gets === undefined)
        throw new Error(`${file}: "${name}" needs a sentence and a gets block`);
      return {
        file,
        name,
        sentence,
        alsoRight: /^Also right: (.*)\.$/m.exec(section)?.[1] ?? null,
        gets,
        client: blocks('client'),
        drips: blocks('drips')[0] ?? null,
        target: blocks('target'),
        answer: blocks('answer'),
      };
    });
}

function bytesOf(block: string): string {
  const lines = block.split('\n').slice(0, -1);
  return lines
    .map((line) => (line.endsWith('\\') ? line.slice(0, -1) : `${line}\r\n`).replace(ESCAPE, byteOf))
    .join('');
}

const ESCAPE = /\\(?:r|n|0|t|x[0-9a-f]{2})/g;

function byteOf(escaped: string): string {
  const known: Record<string, string> = { '\\r': '\r', '\\n': '\n', '\\0': '\0', '\\t': '\t' };
  return known[escaped] ?? String.fromCharCode(Number.parseInt(escaped.slice(2), 16));
}

/** The edge's own lines and answers, in the short form the documents use. */
export function shortened(received: string): string {
  return received
    .replace(
      /X-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\n(?:X-Forwarded-Host: [^\r]*\r\n)?X-Request-ID: [^\r]*\r\n/g,
      '{forwarded}\r\n',
    )
    .replace(OWN_ANSWER, (_whole, status: string, rest: string) => {
      const code = /X-Luma-Error: (\S+)/.exec(rest)?.[1];
      return `{${status} ${code}${rest.includes('Connection: close') ? ' + close' : ''}}\r\n`;
    });
}

/**
 * Neighbouring chunks as one: how a body was cut on its way says nothing. What follows a head that announces chunks is
 * read as such as far as it goes.
 */
export function withMergedChunks(text: string): string {
  let merged = '';
  let at = 0;
  for (;;) {
    const head = text.indexOf(CHUNKED_HEAD, at);
    const from = head < 0 ? -1 : text.indexOf('\r\n\r\n', head) + 4;
    if (from < 4) return merged + text.slice(at);
    merged += text.slice(at, from);
    const { data, rest } = readChunks(text, from);
    if (data !== '') merged += `${data.length.toString(16)}\r\n${data}\r\n`;
    at = rest;
  }
}

const CHUNKED_HEAD = 'Transfer-Encoding: chunked\r\n';

/** Data of the whole, non-empty chunks from `from` on, and where the rest begins. */
function readChunks(text: string, from: number): { data: string; rest: number } {
  let data = '';
  let rest = from;
  for (;;) {
    const size = /^([1-9a-f][0-9a-f]*)\r\n/.exec(text.slice(rest, rest + 10));
    const length = Number.parseInt(size?.[1] ?? '0', 16);
    const dataFrom = rest + (size?.[0].length ?? 0);
    if (length === 0 || text.slice(dataFrom + length, dataFrom + length + 2) !== '\r\n')
      return { data, rest };
    data += text.slice(dataFrom, dataFrom + length);
    rest = dataFrom + length + 2;
  }
}

const OWN_ANSWER =
  /HTTP\/1\.1 (\d+) [^\r]*\r\n((?:[^\r\n]+\r\n)*X-Luma-Error: (?:[^\r\n]+\r\n)+)\r\n\d+ [^\n]*\ncode: [^\n]*\nrequest: [^\n]*\n/g;
