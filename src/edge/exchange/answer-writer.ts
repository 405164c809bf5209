/**
 * Answers on their way to an HTTP/1.1 client, one after the other: framing made anew, and whether the connection
 * outlives them. One per connection; owns the framing of the answer that is under way.
 */
import { type BodyFraming, NO_BODY } from '../http1/body-framing.ts';
import { type ByteSink, writeChunk } from '../http1/chunk-writer.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { writeLastChunk, writeResponseHead } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';

const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };
const UPGRADE_REQUIRED = 426;
const CHUNKED: BodyFraming = { kind: 'chunked' };

export class AnswerWriter {
  readonly #client: ByteSink;
  #request: RequestHead | null = null;
  #framing: BodyFraming = NO_BODY;
  #isPersistent = false;
  #listed: readonly string[] = [];

  constructor(client: ByteSink) {
    this.#client = client;
  }

  /** The client was not told that the connection closes after this answer. */
  get isPersistent(): boolean {
    return this.#isPersistent;
  }

  /** The client can tell by the framing whether it got all. */
  get showsItsEnd(): boolean {
    return this.#framing.kind !== 'until-close';
  }

  /** `mayPersist`: nothing but the answer itself speaks against keeping the connection. */
  begin(request: RequestHead, head: ResponseHead, mayPersist: boolean, ownLines: string): void {
    this.#request = request;
    this.#listed = head.listed;
    this.#framing = framingFor(head.framing, request.minor);
    this.#isPersistent = mayPersist && request.isKeepAlive && this.showsItsEnd;
    const lines = ownLines + this.#connectionLines(head, request.minor);
    const hasTrailers = request.acceptsTrailers && request.minor > 0;
    this.#client.writeText(writeResponseHead(head, this.#framing, lines, hasTrailers));
  }

  bytes(bytes: Buffer, from: number, to: number): void {
    if (this.#framing.kind === 'chunked') writeChunk(this.#client, bytes, from, to);
    else if (from === 0 && to === bytes.length) this.#client.writeReceived(bytes);
    else this.#client.writeBytes(bytes, from, to);
  }

  end(trailers: FieldSection | null): void {
    if (this.#framing.kind !== 'chunked') return;
    const isWanted = this.#request?.acceptsTrailers === true;
    this.#client.writeText(writeLastChunk(isWanted ? trailers : null, this.#listed));
  }

  #connectionLines(head: ResponseHead, minor: number): string {
    // RFC 9110 §15.5.22: a 426 says which protocol it wants.
    if (head.status === UPGRADE_REQUIRED && head.upgrade !== null) {
      const option = this.#isPersistent ? '' : 'close, ';
      return `Connection: ${option}Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
    }
    return connectionLine(this.#isPersistent, minor);
  }
}

/** Said where it differs from what the version means without it. */
export function connectionLine(isPersistent: boolean, minor: number): string {
  if (!isPersistent) return 'Connection: close\r\n';
  return minor > 0 ? '' : 'Connection: keep-alive\r\n';
}

function framingFor(incoming: BodyFraming, minor: number): BodyFraming {
  if (incoming.kind === 'none' || incoming.kind === 'length') return incoming;
  return minor > 0 ? CHUNKED : UNTIL_CLOSE;
}
