/** A request's body on its way from the client's input to an upstream. Owns how much of it has gone through. */
import type { BodyFraming } from '../http1/body-framing.ts';
import { ChunkedDecoder, type ChunkedLimits } from '../http1/chunked-decoder.ts';
import type { FieldSection } from '../http1/field-section.ts';

/** Where a request's body goes; its framing there is the sink's business. */
export interface BodySink {
  writeBody(bytes: Buffer, from: number, to: number): void;
  /** All of what was received at once: the sink's from here on, and perhaps empty afterwards. */
  writeReceived(bytes: Buffer): void;
  /** Of a body whose length was not declared; `listed`: trailers of one hop only. */
  endBody(trailers: FieldSection | null, listed: readonly string[]): void;
}

/** What an exchange takes a request's body from. */
export interface IncomingBody {
  /** Why the body was rejected; empty while it is fine. */
  readonly reason: string;
  readonly isComplete: boolean;
  /** Passes on what belongs to the body; returns where the rest of the input begins, or -1 when it is rejected. */
  pass(input: Buffer, from: number, sink: BodySink): number;
}

export class RequestBody implements IncomingBody {
  reason = '';
  #isComplete: boolean;
  #bytesLeft: number;
  readonly #decoder: ChunkedDecoder | null;
  readonly #listed: readonly string[];

  /** `listed`: trailers of one hop only. */
  constructor(framing: BodyFraming, limits: ChunkedLimits, listed: readonly string[] = []) {
    this.#listed = listed;
    this.#bytesLeft = framing.kind === 'length' ? framing.bytes : 0;
    this.#decoder = framing.kind === 'chunked' ? new ChunkedDecoder(limits) : null;
    this.#isComplete = this.#decoder === null && this.#bytesLeft === 0;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  pass(input: Buffer, from: number, sink: BodySink): number {
    if (this.#isComplete) return from;
    if (this.#decoder !== null) return this.#passChunks(this.#decoder, input, from, sink);
    const to = Math.min(input.length, from + this.#bytesLeft);
    this.#bytesLeft -= to - from;
    this.#isComplete = this.#bytesLeft === 0;
    if (from === 0 && to === input.length) sink.writeReceived(input);
    else sink.writeBody(input, from, to);
    return to;
  }

  #passChunks(decoder: ChunkedDecoder, input: Buffer, from: number, sink: BodySink): number {
    decoder.at = from;
    for (;;) {
      const step = decoder.step(input, input.length);
      switch (step) {
        case 'more':
          return input.length;
        case 'rejected':
          this.reason = decoder.reason;
          return -1;
        case 'complete':
          this.#isComplete = true;
          sink.endBody(decoder.trailers, this.#listed);
          return decoder.at;
        case 'span':
          sink.writeBody(input, decoder.spanFrom, decoder.spanTo);
      }
    }
  }
}
