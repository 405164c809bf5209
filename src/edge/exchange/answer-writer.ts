/** One answer on its way to the client: its framing made anew, and whether the connection outlives it. */
import { type BodyFraming, NO_BODY } from '../http1/body-framing.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { writeLastChunk, writeResponseHead } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { type BodySink, writeChunk } from './request-body.ts';

const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };
const UPGRADE_REQUIRED = 426;
const CHUNKED: BodyFraming = { kind: 'chunked' };

export class AnswerWriter {
  readonly #request: RequestHead;
  readonly #client: BodySink;
  #framing: BodyFraming = NO_BODY;
  #isPersistent = false;
  #listed: readonly string[] = [];

  constructor(request: RequestHead, client: BodySink) {
    this.#request = request;
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
  begin(head: ResponseHead, mayPersist: boolean, dateLine: string): void {
    this.#listed = head.listed;
    this.#framing = this.#framingFor(head.framing);
    this.#isPersistent = mayPersist && this.#request.isKeepAlive && this.showsItsEnd;
    this.#client.writeText(writeResponseHead(head, this.#framing, dateLine + this.#connectionLines(head)));
  }

  bytes(bytes: Buffer, from: number, to: number): void {
    if (this.#framing.kind === 'chunked') writeChunk(this.#client, bytes, from, to);
    else this.#client.writeBytes(bytes, from, to);
  }

  end(trailers: FieldSection | null): void {
    if (this.#framing.kind !== 'chunked') return;
    this.#client.writeText(writeLastChunk(this.#request.acceptsTrailers ? trailers : null, this.#listed));
  }

  #framingFor(incoming: BodyFraming): BodyFraming {
    if (incoming.kind === 'none' || incoming.kind === 'length') return incoming;
    return this.#request.minor > 0 ? CHUNKED : UNTIL_CLOSE;
  }

  #connectionLines(head: ResponseHead): string {
    // RFC 9110 §15.5.22: a 426 says which protocol it wants.
    if (head.status === UPGRADE_REQUIRED && head.upgrade !== null) {
      const option = this.#isPersistent ? '' : 'close, ';
      return `Connection: ${option}Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
    }
    if (!this.#isPersistent) return 'Connection: close\r\n';
    return this.#request.minor > 0 ? '' : 'Connection: keep-alive\r\n';
  }
}
