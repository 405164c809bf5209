/**
 * A request's body between its client and its target: let through within the service's bound, or gathered first where
 * the service wants it whole. Made for requests that have a body; owns what was gathered, and why it cannot go on.
 */
import type { RequestHead } from '../http1/request-head.ts';
import { BodyGauge } from './body-gauge.ts';
import type { EdgeCore } from './edge-core.ts';
import { FAILURES, type Failure, failureOfRequest } from './failure.ts';
import { GatheredBody } from './gathered-body.ts';
import type { BodySink, IncomingBody } from './request-body.ts';

export class BodyPassage {
  readonly #core: EdgeCore;
  readonly #head: RequestHead;
  readonly #body: IncomingBody;
  #gauge: BodyGauge | null = null;
  #gathered: GatheredBody | null = null;
  #failure: Failure | null = null;

  constructor(core: EdgeCore, head: RequestHead, body: IncomingBody) {
    this.#core = core;
    this.#head = head;
    this.#body = body;
  }

  /** Why it cannot go on. */
  get failure(): Failure {
    return this.#failure ?? failureOfRequest({ status: 400, reason: this.#body.reason });
  }

  /** Nobody has to be asked for it any more. */
  get isGathered(): boolean {
    return this.#gathered !== null;
  }

  /** `bytesMax`: of the service; 0: as much as may be buffered at all. */
  beginGathering(bytesMax: number): void {
    this.#gathered = new GatheredBody(bytesMax, this.#core.limits, this.#core.spools);
  }

  /** Returns where the rest of the input begins; -1: it cannot go on. */
  gather(input: Buffer, from: number): number {
    const gathered = this.#gathered;
    if (gathered === null) return from;
    try {
      const rest = gathered.take(this.#body, input, from);
      return gathered.isOver ? this.#refuse(FAILURES.bodyTooLarge) : rest;
    } catch (error) {
      this.#core.onError(error);
      return this.#refuse(FAILURES.cannotBuffer);
    }
  }

  /** The same on its way to the target. `bytesMax`: of the service; 0: any. */
  pass(input: Buffer, from: number, sink: BodySink, bytesMax: number): number {
    const rest = this.#body.pass(input, from, this.#gauged(sink, bytesMax));
    return this.#gauge?.isOver === true ? this.#refuse(FAILURES.bodyTooLarge) : rest;
  }

  /** Until there is no more, or `mayGoOn` says no. */
  sendGathered(sink: BodySink, mayGoOn: () => boolean): void {
    this.#gathered?.sendTo(sink, mayGoOn);
  }

  /** Until when the client may take for the rest, when so many bytes have come: a body that drips would keep its
   * connection, and its target's, for as long as it likes. */
  paidUntilMs(dueMs: number, byteCount: number): number {
    const { sweep, limits } = this.#core;
    const boughtMs = (byteCount * 1_000) / limits.requestBodyBytesPerSecondMin;
    return Math.min(sweep.nowMs + limits.requestBodyIdleMs, dueMs + boughtMs);
  }

  close(): void {
    this.#gathered?.close();
  }

  /** Bodies that did not say how long they are. */
  #gauged(sink: BodySink, bytesMax: number): BodySink {
    if (bytesMax === 0 || this.#head.framing.kind === 'length') return sink;
    this.#gauge ??= new BodyGauge(sink, bytesMax);
    return this.#gauge;
  }

  #refuse(failure: Failure): number {
    this.#failure = failure;
    return -1;
  }
}
