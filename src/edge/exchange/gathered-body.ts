/**
 * A request's body for a service that wants it whole before its target hears of the request. Owns where it waits, and
 * how much of it has come.
 */
import type { FieldSection } from '../http1/field-section.ts';
import { BodyGauge } from './body-gauge.ts';
import type { BodySink, IncomingBody } from './request-body.ts';
import { Spool, type SpoolBudget, type SpoolLimits } from './spool.ts';

/** How a body of undeclared length ended. */
interface BodyEnd {
  readonly trailers: FieldSection | null;
  readonly listed: readonly string[];
}

export class GatheredBody implements BodySink {
  readonly #spool: Spool;
  readonly #gauge: BodyGauge;
  #end: BodyEnd | null = null;

  /** `bytesMax`: of the service; 0: as much as may be buffered at all. */
  constructor(bytesMax: number, limits: SpoolLimits, budget: SpoolBudget) {
    const { spoolBytesMax } = limits;
    this.#spool = new Spool(limits, budget);
    this.#gauge = new BodyGauge(this, bytesMax === 0 ? spoolBytesMax : Math.min(bytesMax, spoolBytesMax));
  }

  get isOver(): boolean {
    return this.#gauge.isOver;
  }

  /** As `IncomingBody.pass`. Throws where the disk takes no more. */
  take(body: IncomingBody, input: Buffer, from: number): number {
    return body.pass(input, from, this.#gauge);
  }

  writeBody(bytes: Buffer, from: number, to: number): void {
    this.#spool.write(bytes, from, to);
  }

  writeReceived(bytes: Buffer): void {
    this.#spool.write(bytes, 0, bytes.length);
  }

  endBody(trailers: FieldSection | null, listed: readonly string[]): void {
    this.#end = { trailers, listed };
  }

  /** Passes on until there is no more, or `mayGoOn` says no. */
  sendTo(sink: BodySink, mayGoOn: () => boolean): void {
    while (mayGoOn()) {
      const piece = this.#spool.take();
      if (piece === null) {
        this.#sendEnd(sink);
        return;
      }
      sink.writeBody(piece, 0, piece.length);
    }
  }

  close(): void {
    this.#spool.close();
  }

  #sendEnd(sink: BodySink): void {
    const end = this.#end;
    this.#end = null;
    if (end !== null) sink.endBody(end.trailers, end.listed);
  }
}
