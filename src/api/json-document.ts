/**
 * JSON as strictly as a configuration deserves it: bounded depth, no key twice (readers would disagree about
 * which one counts), no `__proto__`. Never throws on what a client sent.
 */
import { messageOf } from '../base/errors.ts';
import type { CodedFieldProblem } from './field-problems.ts';

export type JsonDocument =
  | { readonly kind: 'read'; readonly value: unknown }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'too-deep' }
  | { readonly kind: 'bad-keys'; readonly problems: readonly CodedFieldProblem[] };

interface Level {
  /** Null in a list. */
  readonly keys: Set<string> | null;
  /** The key or index whose value is being read. */
  at: string | number;
}

export function readJsonDocument(text: string, depthMax: number): JsonDocument {
  const scanner = new Scanner(text, depthMax);
  if (!scanner.scan()) return { kind: 'too-deep' };
  try {
    const value: unknown = JSON.parse(text);
    // Only of a text that is JSON does the scan tell the truth.
    return scanner.problems.length > 0
      ? { kind: 'bad-keys', problems: scanner.problems }
      : { kind: 'read', value };
  } catch (error) {
    return { kind: 'broken', reason: messageOf(error) };
  }
}

/** Follows the brackets and keys of a text that may or may not be JSON. */
class Scanner {
  readonly problems: CodedFieldProblem[] = [];
  readonly #text: string;
  readonly #depthMax: number;
  readonly #levels: Level[] = [];
  #position = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  /** False when it goes too deep. */
  scan(): boolean {
    // A key is a string that begins an object or follows a comma in one.
    let mayBeKey = false;
    while (this.#position < this.#text.length) {
      const character = this.#text[this.#position];
      if (character === '"') {
        const string = this.#readString();
        if (mayBeKey) this.#onKey(string);
        mayBeKey = false;
        continue;
      }
      this.#position++;
      if (character === '{' || character === '[') {
        if (this.#levels.length === this.#depthMax) return false;
        const isObject = character === '{';
        this.#levels.push({ keys: isObject ? new Set() : null, at: isObject ? '' : 0 });
        mayBeKey = isObject;
      } else if (character === '}' || character === ']') {
        this.#levels.pop();
        mayBeKey = false;
      } else if (character === ',') {
        mayBeKey = this.#onComma();
      }
    }
    return true;
  }

  #onComma(): boolean {
    const level = this.#levels.at(-1);
    if (level && typeof level.at === 'number') level.at++;
    return level?.keys != null;
  }

  #onKey(source: string): void {
    const level = this.#levels.at(-1);
    if (!level?.keys) return;
    const key = decodeString(source);
    level.at = key;
    if (key === '__proto__') this.#refuse('forbidden_key', 'is not allowed as a key');
    else if (level.keys.has(key)) this.#refuse('duplicate_key', 'is given twice');
    level.keys.add(key);
  }

  #refuse(code: string, message: string): void {
    this.problems.push({ field: this.#levels.map((level) => String(level.at)).join('.'), code, message });
  }

  /** The string with its quotes; to the end of the text when it is not closed. */
  #readString(): string {
    const start = this.#position++;
    while (this.#position < this.#text.length) {
      const character = this.#text[this.#position++];
      if (character === '\\') this.#position++;
      else if (character === '"') break;
    }
    return this.#text.slice(start, this.#position);
  }
}

/** `"a\u0062"` and `"ab"` are the same key. */
function decodeString(source: string): string {
  try {
    return JSON.parse(source) as string;
  } catch (error) {
    // Not a string of JSON: the whole text is refused for it anyway.
    if (error instanceof SyntaxError) return source;
    throw error;
  }
}
