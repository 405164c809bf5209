/** The `Forwarded` field (RFC 7239 §4): one element per hop, the client's first. Pure; knows nothing of trust. */
import { isToken } from './character-classes.ts';

export interface ForwardedHop {
  /** As written, without the quotes: an address, `unknown`, or a name beginning with `_`; null where it is not said. */
  readonly node: string | null;
  readonly proto: string | null;
  readonly host: string | null;
}

/** Null where any part is malformed: what cannot be read whole is not believed in part. */
export function parseForwarded(value: string): readonly ForwardedHop[] | null {
  const hops: ForwardedHop[] = [];
  for (const element of splitOutsideQuotes(value, ',')) {
    const hop = parseElement(element);
    if (hop === null) return null;
    hops.push(hop);
  }
  return hops;
}

function parseElement(element: string): ForwardedHop | null {
  const said = new Map<string, string>();
  for (const pair of splitOutsideQuotes(element, ';')) {
    const trimmed = pair.trim();
    if (trimmed === '') continue;
    const equals = trimmed.indexOf('=');
    const name = trimmed.slice(0, Math.max(0, equals)).toLowerCase();
    const value = unquoted(trimmed.slice(equals + 1));
    // RFC 7239 §4: each parameter at most once per element.
    if (!isToken(name) || value === null || said.has(name)) return null;
    said.set(name, value);
  }
  return {
    node: said.get('for') ?? null,
    proto: said.get('proto') ?? null,
    host: said.get('host') ?? null,
  };
}

/** An unclosed quote makes one last part, which `unquoted` then refuses. */
function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === '\\') at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

const QUOTED = /^"((?:[^"\\]|\\.)*)"$/;

function unquoted(text: string): string | null {
  if (isToken(text)) return text;
  const inner = QUOTED.exec(text)?.[1];
  return inner === undefined ? null : inner.replace(/\\(.)/g, '$1');
}
