/**
 * The first thing a TLS client says (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), read before TLS begins: the certificate is
 * chosen by it. A pure function of the bytes: however they were split, the result is the same.
 */

export interface ClientHello {
  readonly kind: 'hello';
  /** SNI (RFC 6066 §3), lower case; null: it named none. */
  readonly serverName: string | null;
  /** ALPN (RFC 7301), in the client's order; empty: it offers none. */
  readonly protocols: readonly string[];
}

export type ClientHelloResult =
  | ClientHello
  | { readonly kind: 'incomplete' }
  /** `isTls` false: not even the beginning of a record, so nobody would understand an alert. */
  | { readonly kind: 'rejected'; readonly isTls: boolean };

const RECORD_HEAD_BYTES = 5;
const RECORD_BYTES_MAX = 16 * 1024;
/** Clients use one or two. */
const RECORDS_MAX = 64;
const CONTENT_HANDSHAKE = 22;
const HANDSHAKE_HEAD_BYTES = 4;
const HANDSHAKE_CLIENT_HELLO = 1;
const VERSION_AND_RANDOM_BYTES = 34;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const NAME_TYPE_HOST = 0;
/** RFC 1035 §2.3.4. */
const HOST_NAME_BYTES_MAX = 255;

const INCOMPLETE = { kind: 'incomplete' } as const;
const NOT_TLS = { kind: 'rejected', isTls: false } as const;
const MALFORMED = { kind: 'rejected', isTls: true } as const;

/** `bytesMax` bounds the message, however many records it comes in. */
export function readClientHello(bytes: Buffer, bytesMax: number): ClientHelloResult {
  const message = gather(bytes, bytesMax);
  if (!Buffer.isBuffer(message)) return message;
  try {
    return parse(new Cursor(message, HANDSHAKE_HEAD_BYTES, message.length));
  } catch (error) {
    if (error instanceof CutShort) return MALFORMED;
    throw error;
  }
}

/** The whole handshake message, without the heads of its records. */
function gather(bytes: Buffer, bytesMax: number): Buffer | Exclude<ClientHelloResult, ClientHello> {
  const parts: Buffer[] = [];
  let gathered = 0;
  let wanted = HANDSHAKE_HEAD_BYTES;
  for (let at = 0; gathered < wanted; ) {
    if (at < bytes.length && bytes[at] !== CONTENT_HANDSHAKE) return at === 0 ? NOT_TLS : MALFORMED;
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return at === 0 ? NOT_TLS : MALFORMED;
    if (bytes.length - at < RECORD_HEAD_BYTES) return INCOMPLETE;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > RECORD_BYTES_MAX || parts.length === RECORDS_MAX) return MALFORMED;
    const part = bytes.subarray(at + RECORD_HEAD_BYTES, at + RECORD_HEAD_BYTES + length);
    at += RECORD_HEAD_BYTES + length;
    parts.push(part);
    gathered += part.length;
    if (wanted === HANDSHAKE_HEAD_BYTES && gathered >= wanted) {
      const head = Buffer.concat(parts);
      if (head[0] !== HANDSHAKE_CLIENT_HELLO) return MALFORMED;
      wanted += head.readUIntBE(1, 3);
      if (wanted > bytesMax) return MALFORMED;
    }
    if (gathered < wanted && part.length < length) return INCOMPLETE;
  }
  return Buffer.concat(parts).subarray(0, wanted);
}

function parse(hello: Cursor): ClientHelloResult {
  hello.skip(VERSION_AND_RANDOM_BYTES);
  hello.skip(hello.uint8());
  hello.skip(hello.uint16());
  hello.skip(hello.uint8());
  let serverName: string | null = null;
  let protocols: readonly string[] = [];
  // Clients before TLS 1.2 may send none.
  const extensions = hello.isAtEnd ? hello : hello.part(hello.uint16());
  while (!extensions.isAtEnd) {
    const type = extensions.uint16();
    const body = extensions.part(extensions.uint16());
    if (type === EXTENSION_SERVER_NAME) serverName = serverNameOf(body);
    else if (type === EXTENSION_ALPN) protocols = protocolsOf(body);
  }
  return { kind: 'hello', serverName, protocols };
}

function serverNameOf(body: Cursor): string | null {
  const names = body.part(body.uint16());
  while (!names.isAtEnd) {
    const type = names.uint8();
    const name = names.text(names.uint16());
    if (type !== NAME_TYPE_HOST) continue;
    if (name.length === 0 || name.length > HOST_NAME_BYTES_MAX || name.includes('\0')) throw new CutShort();
    return name.toLowerCase();
  }
  return null;
}

function protocolsOf(body: Cursor): readonly string[] {
  const list = body.part(body.uint16());
  const protocols: string[] = [];
  while (!list.isAtEnd) {
    const length = list.uint8();
    if (length === 0) throw new CutShort();
    protocols.push(list.text(length));
  }
  return protocols;
}

/** A length points beyond what contains it. */
class CutShort extends Error {}

class Cursor {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  text(length: number): string {
    const from = this.#take(length);
    return this.#bytes.toString('latin1', from, from + length);
  }

  part(length: number): Cursor {
    const from = this.#take(length);
    return new Cursor(this.#bytes, from, from + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) throw new CutShort();
    this.#at = from + length;
    return from;
  }
}
