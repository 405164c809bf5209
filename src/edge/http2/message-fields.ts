/**
 * What the fields of a message may be (RFC 9113 §8), and what they say: pseudo fields apart, the rest as lines the way
 * HTTP/1.1 writes them. Each object gathers one section; `flaw` says why a message is malformed.
 */
import type { FieldSink } from './hpack-decoder.ts';

/** `tchar` of RFC 9110 §5.6.2 without upper case (RFC 9113 §8.2.1). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What would end a line, or a string elsewhere; everything else is judged with the whole head. */
const BREAKS_LINES = /[\0\r\n]/;
const SPACE = 32;
const TAB = 9;
const PSEUDO = 58;

/** As RFC 9113 §10.3 wants it checked. Null: nothing is wrong. */
function flawOf(name: string, value: string): string | null {
  if (!NAME.test(name)) return 'a field name that is no lower-case token';
  if (value === '') return null;
  if (BREAKS_LINES.test(value)) return 'a control character in a field value';
  return isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1))
    ? 'white space around a field value'
    : null;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** RFC 9113 §8.2.2. */
function isConnectionSpecific(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
      return true;
    default:
      return false;
  }
}

/** Common to heads and trailers. */
class Fields {
  /** Why the message is malformed; null: it is not. */
  flaw: string | null = null;
  /** Whole lines, without those that the names below stand for. */
  lines = '';
  /** Of the list (RFC 9113 §6.5.2); what is beyond the limit is counted and thrown away. */
  listBytes = 0;
  readonly #listBytesMax: number;

  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  get isTooLarge(): boolean {
    return this.listBytes > this.#listBytesMax;
  }

  /** Whether there is room for it, and nothing is wrong with it. */
  protected admits(name: string, value: string): boolean {
    this.listBytes += name.length + value.length + 32;
    if (this.isTooLarge || this.flaw !== null) return false;
    this.flaw = flawOf(name, value);
    if (this.flaw === null && isConnectionSpecific(name)) this.flaw = 'a field of one connection only';
    return this.flaw === null;
  }

  /** A pseudo field that came once, before all others; `known` is what it had before. */
  protected pseudo(name: string, value: string, known: string | null): string {
    this.listBytes += name.length + value.length + 32;
    if (known !== null) this.flaw ??= 'a pseudo field that came twice';
    if (this.lines !== '' || this.hasOthers) this.flaw ??= 'a pseudo field behind others';
    if (BREAKS_LINES.test(value)) this.flaw ??= 'a control character in a pseudo field';
    return value;
  }

  protected get hasOthers(): boolean {
    return false;
  }
}

export class RequestFields extends Fields implements FieldSink {
  method: string | null = null;
  scheme: string | null = null;
  authority: string | null = null;
  path: string | null = null;
  /** RFC 8441 §4. */
  protocol: string | null = null;
  /** The `host` field; more than one are kept as lines, for whoever judges heads. */
  host: string | null = null;
  /** All `cookie` fields as one (RFC 9113 §8.2.3). */
  cookie: string | null = null;
  contentLength: string | null = null;
  #hasOthers = false;

  field(name: string, value: string): void {
    if (name.charCodeAt(0) === PSEUDO) {
      this.#pseudo(name, value);
      return;
    }
    this.#hasOthers = true;
    if (!this.admits(name, value)) return;
    switch (name) {
      case 'host':
        if (this.host === null) this.host = value;
        else this.lines += `host: ${value}\r\n`;
        return;
      case 'cookie':
        this.cookie = this.cookie === null ? value : `${this.cookie}; ${value}`;
        return;
      case 'content-length':
        this.contentLength ??= value;
        break;
      case 'te':
        if (value.toLowerCase() !== 'trailers') this.flaw = 'a TE other than trailers';
    }
    this.lines += `${name}: ${value}\r\n`;
  }

  /** Once all fields have come. */
  finish(): void {
    if (this.flaw !== null) return;
    if (this.method === null || this.method === '') this.flaw = 'no method';
    else if (this.method === 'CONNECT' && this.protocol === null) {
      if (this.authority === null || this.scheme !== null || this.path !== null) {
        this.flaw = 'a CONNECT that names anything but an authority';
      }
    } else if (this.scheme === null || this.scheme === '') this.flaw = 'no scheme';
    else if (this.path === null || this.path === '') this.flaw = 'no path';
    else if (this.protocol !== null && this.method !== 'CONNECT') this.flaw = 'a protocol without CONNECT';
  }

  protected override get hasOthers(): boolean {
    return this.#hasOthers;
  }

  #pseudo(name: string, value: string): void {
    switch (name) {
      case ':method':
        this.method = this.pseudo(name, value, this.method);
        return;
      case ':scheme':
        this.scheme = this.pseudo(name, value, this.scheme);
        return;
      case ':authority':
        this.authority = this.pseudo(name, value, this.authority);
        return;
      case ':path':
        this.path = this.pseudo(name, value, this.path);
        return;
      case ':protocol':
        this.protocol = this.pseudo(name, value, this.protocol);
        return;
      default:
        this.flaw ??= 'an unknown pseudo field';
    }
  }
}

export class ResponseFields extends Fields implements FieldSink {
  status: string | null = null;
  #hasOthers = false;

  field(name: string, value: string): void {
    if (name.charCodeAt(0) === PSEUDO) {
      if (name === ':status') this.status = this.pseudo(name, value, this.status);
      else this.flaw ??= 'an unknown pseudo field';
      return;
    }
    this.#hasOthers = true;
    if (this.admits(name, value)) this.lines += `${name}: ${value}\r\n`;
  }

  /** Once all fields have come. */
  finish(): void {
    if (this.status === null || !STATUS.test(this.status)) this.flaw ??= 'no valid status';
  }

  protected override get hasOthers(): boolean {
    return this.#hasOthers;
  }
}

const STATUS = /^[1-5][0-9][0-9]$/;

export class TrailerFields extends Fields implements FieldSink {
  field(name: string, value: string): void {
    if (name.charCodeAt(0) === PSEUDO) this.flaw ??= 'a pseudo field in trailers';
    else if (this.admits(name, value)) this.lines += `${name}: ${value}\r\n`;
  }

  /** Once all fields have come. */
  finish(): void {}
}

export type MessageFields = RequestFields | ResponseFields | TrailerFields;

/** What a header block may say now. `stream`: one that is open already; a server's hears trailers, ours first an answer. */
export function fieldsOf(
  isServer: boolean,
  stream: { readonly hasHead: boolean } | undefined,
  listBytesMax: number,
): MessageFields {
  if (stream === undefined) return new RequestFields(listBytesMax);
  return isServer || stream.hasHead ? new TrailerFields(listBytesMax) : new ResponseFields(listBytesMax);
}
