/** Lets a body through to its sink until there is too much of it. Owns how much has come; framing does not count. */
import type { FieldSection } from '../http1/field-section.ts';
import type { BodySink } from './request-body.ts';

export class BodyGauge implements BodySink {
  readonly #sink: BodySink;
  #bytesLeft: number;

  constructor(sink: BodySink, bytesMax: number) {
    this.#sink = sink;
    this.#bytesLeft = bytesMax;
  }

  get isOver(): boolean {
    return this.#bytesLeft < 0;
  }

  writeBody(bytes: Buffer, from: number, to: number): void {
    this.#bytesLeft -= to - from;
    if (this.#bytesLeft >= 0) this.#sink.writeBody(bytes, from, to);
  }

  writeReceived(bytes: Buffer): void {
    this.#bytesLeft -= bytes.length;
    if (this.#bytesLeft >= 0) this.#sink.writeReceived(bytes);
  }

  endBody(trailers: FieldSection | null, listed: readonly string[]): void {
    if (this.#bytesLeft >= 0) this.#sink.endBody(trailers, listed);
  }
}
