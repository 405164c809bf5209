/** A request's body that comes in frames, on its way to a target. Owns how much of it has come and gone. */
import type { BodyFraming } from '../http1/body-framing.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { BodySink, IncomingBody } from './request-body.ts';

export class StreamedBody implements IncomingBody {
  /** What is wrong with it is known before it comes here. */
  readonly reason = '';
  readonly #isChunked: boolean;
  #bytesDue: number;
  #bytesLeft: number;
  #isComplete: boolean;
  #hasEnded = false;
  #trailers: FieldSection | null = null;

  /** `framing`: towards the target; chunked where the client did not say how much will come. */
  constructor(framing: BodyFraming) {
    this.#isChunked = framing.kind === 'chunked';
    this.#bytesDue = framing.kind === 'length' ? framing.bytes : 0;
    this.#bytesLeft = this.#bytesDue;
    this.#isComplete = !this.#isChunked && this.#bytesDue === 0;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** All has come, and its end has not been passed on. */
  get mustEnd(): boolean {
    return this.#hasEnded && !this.#isComplete;
  }

  /** So much has come. False: more than was declared (RFC 9113 §8.1.1). */
  tryReceive(byteCount: number): boolean {
    this.#bytesDue -= byteCount;
    return this.#isChunked || this.#bytesDue >= 0;
  }

  /** All has come. False: less than was declared. */
  tryEnd(trailers: FieldSection | null): boolean {
    this.#hasEnded = true;
    this.#trailers = trailers;
    return this.#isChunked || this.#bytesDue === 0;
  }

  pass(input: Buffer, from: number, sink: BodySink): number {
    if (this.#isComplete) return from;
    sink.writeBody(input, from, input.length);
    if (this.#isChunked) {
      if (this.#hasEnded) sink.endBody(this.#trailers, []);
      this.#isComplete = this.#hasEnded;
    } else {
      this.#bytesLeft -= input.length - from;
      this.#isComplete = this.#bytesLeft === 0;
    }
    return input.length;
  }
}
