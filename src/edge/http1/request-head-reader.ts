/**
 * Request heads with a memory: one that came before is not parsed again, nor are fields that came before behind another
 * request line, which is how most clients repeat themselves. The result is the same as without. Owned by the worker.
 */
import { HeadMemory } from './head-memory.ts';
import { latin1Text } from './latin1.ts';
import {
  parseRequestHead,
  RequestHead,
  type RequestHeadLimits,
  type RequestHeadResult,
} from './request-head.ts';
import { scanRequestLine, VERSION_LENGTH } from './request-line.ts';

const SLASH = 47;
const ZERO = 48;
/** ` HTTP/1.1` and the end of the line. */
const AFTER_TARGET = VERSION_LENGTH + 3;

export class RequestHeadReader {
  readonly #limits: RequestHeadLimits;
  readonly #heads = new HeadMemory<RequestHead>();
  /** By their fields alone, from the first name to the empty line. */
  readonly #fields = new HeadMemory<RequestHead>();

  constructor(limits: RequestHeadLimits) {
    this.#limits = limits;
  }

  /** As parseRequestHead with all bytes from `from` on; `end` may be another's, `length` is right. */
  read(bytes: Buffer, from: number): RequestHeadResult {
    const known = this.#heads.recall(bytes, from);
    if (known !== null) return known;
    const similar = this.#similar(bytes, from);
    const head = similar ?? parseRequestHead(bytes, from, bytes.length, this.#limits);
    if (head.kind !== 'head') return head;
    this.#heads.remember(bytes, from, head.end, head);
    if (similar === null && isPlain(head)) {
      this.#fields.remember(bytes, head.end - head.fields.length, head.end, head);
    }
    return head;
  }

  /** Null: parse it. Only what leaves no question open that fields and request line answer together. */
  #similar(bytes: Buffer, from: number): RequestHead | null {
    const fieldsFrom = scanRequestLine(bytes, from, bytes.length, this.#limits.requestTargetBytesMax);
    if (typeof fieldsFrom !== 'number' || bytes[fieldsFrom - 3] === ZERO) return null;
    const template = this.#fields.recall(bytes, fieldsFrom);
    if (template === null) return null;
    const length = fieldsFrom - from + template.fields.length;
    if (length > this.#limits.requestHeadBytesMax) return null;
    const line = latin1Text(bytes, from, fieldsFrom - AFTER_TARGET);
    const methodEnd = line.indexOf(' ');
    const method = line.slice(0, methodEnd);
    const target = line.slice(methodEnd + 1);
    if (!isPlainLine(method, target)) return null;
    return RequestHead.withFieldsOf(template, method, target, from, length);
  }
}

/** HTTP/1.1 and an ordinary line: its fields would mean the same behind any other ordinary line. */
function isPlain(head: RequestHead): boolean {
  return head.minor === 1 && head.fields.count > 0 && isPlainLine(head.method, head.sentTarget);
}

/** OPTIONS and TRACE read a field that others do not, CONNECT is refused, and an absolute target is compared with Host. */
function isPlainLine(method: string, target: string): boolean {
  if (target.charCodeAt(0) !== SLASH || target.includes('#')) return false;
  return method !== 'OPTIONS' && method !== 'TRACE' && method !== 'CONNECT';
}
