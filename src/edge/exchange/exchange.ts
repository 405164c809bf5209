/**
 * Runs one request: from the gate to a target and back, by the phases of exchange-phase.ts. Its placement counts it on
 * the board, exactly once in and once out; its client owns the bytes that came in and how an answer is framed; targets are the business of its call.
 */

import type { RequestHead } from '../http1/request-head.ts';
import { ResponseHead } from '../http1/response-head.ts';
import type { QuietRule, ServiceRoute } from '../routing/service-route.ts';
import { BodyPassage } from './body-passage.ts';
import type { RequestOrigin } from './client-address.ts';
import type { ClientSide } from './client-side.ts';
import type { EdgeCore } from './edge-core.ts';
import { countedAs, type ExchangeEvent, type ExchangePhase, nextPhase } from './exchange-phase.ts';
import { ExchangeTally } from './exchange-tally.ts';
import { FAILURES, type Failure, failureAnswer } from './failure.ts';
import { hstsLineFor } from './head-lines.ts';
import { HoldRecord } from './hold-record.ts';
import type { OwnAnswer } from './own-answer.ts';
import { Placement } from './placement.ts';
import { findQuietRule, quietAnswer } from './quiet-answer.ts';
import type { IncomingBody } from './request-body.ts';
import { canonicalLocation, failureOfLength, redirectAnswer } from './service-answer.ts';
import type { Holder, ServiceDesk, WaitsFor } from './service-desk.ts';
import { type Caller, TargetCall } from './target-call.ts';
import { failureOfHold, failureOfStopped } from './traffic-failure.ts';
import { isImpatient, waitingPage } from './waiting-page.ts';

const NEVER = Number.POSITIVE_INFINITY;

import { type WakeCause, wakeCauseOf } from './wake-cause.ts';

export class Exchange implements Caller, Holder {
  readonly core: EdgeCore;
  readonly client: ClientSide;
  readonly head: RequestHead;
  readonly body: IncomingBody;
  readonly placement: Placement;
  readonly tally: ExchangeTally;
  readonly passage: BodyPassage | null;
  readonly #call: TargetCall;
  /** The rule that makes the request quiet: it neither wakes nor keeps awake. */
  readonly #quiet: QuietRule | null;
  #phase: ExchangePhase = 'arrived';
  #hold: HoldRecord | null = null;

  constructor(core: EdgeCore, client: ClientSide, head: RequestHead, desk: ServiceDesk, body: IncomingBody) {
    this.core = core;
    this.client = client;
    this.head = head;
    this.body = body;
    this.placement = new Placement(core, desk, head);
    const { clientIpHeader } = this.#route;
    const { quietRules } = this.desk;
    this.#quiet = quietRules.isEmpty ? null : findQuietRule(quietRules, client, head, clientIpHeader);
    this.placement.isQuiet = this.#quiet !== null;
    this.passage = body.isComplete ? null : new BodyPassage(core, head, body);
    this.tally = new ExchangeTally(core);
    this.#call = new TargetCall(this);
    // A connection that is gone has no address any more.
    if (core.accessLog !== null) client.origin(head, clientIpHeader);
    core.exchangeCount++;
  }

  get desk(): ServiceDesk {
    return this.placement.desk;
  }

  get phase(): ExchangePhase {
    return this.#phase;
  }

  get isHeld(): boolean {
    return this.#phase === 'held';
  }

  get #route(): ServiceRoute {
    return this.placement.route;
  }

  /** Begins at the gate; begins there again after refusals. */
  admit(): void {
    this.placement.review();
    if (this.desk.isGone) {
      this.fail(FAILURES.serviceRemoved);
      return;
    }
    if (this.#route.traffic === 'stopped') {
      this.fail(failureOfStopped(this.#route));
      return;
    }
    if (this.#hasOwnAnswer() || this.#mustGather()) return;
    if (this.#quiet !== null) {
      this.#admitQuiet(this.#quiet);
      return;
    }
    const waitsFor = this.placement.enter(this.#call.refusedIds);
    if (waitsFor === null) {
      this.move('admitted');
      this.#call.send();
    } else {
      this.move('gated');
      this.#wait(waitsFor);
    }
  }

  /** What its service's options answer, whatever the gate says. */
  #hasOwnAnswer(): boolean {
    const tooLarge = failureOfLength(this.#route, this.head);
    if (tooLarge !== null) {
      this.fail(tooLarge);
      return true;
    }
    if (this.#route.canonicalHost === null) return false;
    const location = canonicalLocation(this.#route, this.head, this.origin().proto);
    if (location === null) return false;
    this.#conclude(redirectAnswer(location, this.nameRequest()), null);
    return true;
  }

  /** Its service wants the body whole first; it begins at the gate when that has come. */
  #mustGather(): boolean {
    const passage = this.passage;
    if (this.#phase !== 'arrived' || !this.#route.bufferRequests || passage === null) return false;
    this.move('gathers');
    passage.beginGathering(this.#route.maxRequestBodyBytes);
    if (this.head.expectsContinue) this.client.writeInterim(CONTINUE);
    this.client.arm(this.core.limits.requestBodyIdleMs);
    this.client.passBody();
    return true;
  }

  origin(): RequestOrigin {
    return this.client.origin(this.head, this.#route.clientIpHeader);
  }

  /** Never held: where the gate is closed, or nobody else keeps the service awake, it has its answer. */
  #admitQuiet({ answer }: QuietRule): void {
    const entry = this.placement.tryEnterQuiet(this.#call.refusedIds);
    if (entry === 'full') this.fail(FAILURES.tooBusy);
    else if (entry === 'asleep') {
      this.desk.counts.add('quiet answered');
      this.#conclude(quietAnswer(answer, this.nameRequest()), null);
    } else {
      this.desk.counts.add('quiet passed');
      this.move('admitted');
      this.#call.send();
    }
  }

  #wait(waitsFor: WaitsFor): void {
    this.#hold ??= new HoldRecord(this.core, this.desk, this.#route.holdTimeoutMs);
    if (waitsFor === 'gate') this.#hold.hasMetGate = true;
    this.client.dueMs = this.#hold.untilMs;
    const failure = this.desk.tryHold(this, waitsFor);
    if (failure !== null) this.fail(failure);
    else if (waitsFor === 'gate' && isImpatient(this.#route, this.head)) {
      this.#hold.afterGrace(() => this.client.asEvent(() => this.#answerWaiting()));
    }
  }

  /** The wake was raised by the hold; it goes on without this request. */
  #answerWaiting(): void {
    if (this.#phase !== 'held') return;
    if (this.#route.waitMode !== 'page') this.fail(FAILURES.waking);
    else this.#conclude(waitingPage(this.#route.name, this.nameRequest()), FAILURES.waking.code);
  }

  wakeCause(): WakeCause {
    return wakeCauseOf(this.head);
  }

  lookAgain(): WaitsFor | null {
    const waitsFor = this.placement.enterAgain(this.#call.refusedIds);
    if (waitsFor !== null) {
      if (waitsFor === 'gate' && this.#hold !== null) this.#hold.hasMetGate = true;
      return waitsFor;
    }
    this.desk.release(this);
    this.tally.wakeMs = this.#hold?.end() ?? 0;
    this.move('admitted');
    this.#call.send();
    return null;
  }

  /** Whom a lane held that is gone now: the service itself has an answer for them. */
  deskGone(): void {
    if (!this.placement.hasFront) {
      this.fail(FAILURES.serviceRemoved);
      return;
    }
    this.placement.leaveHold();
    this.desk.release(this);
    this.#hold?.cancel();
    this.#hold = null;
    this.move('returned');
    this.client.asEvent(() => this.admit());
  }

  nameRequest(): string {
    if (this.tally.requestId === '')
      this.tally.requestId = this.head.requestId ?? this.core.requestIds.next();
    return this.tally.requestId;
  }

  /** The client calls it with what it has; returns where the rest begins, -1 when the body is bad. */
  takeBody(input: Buffer, from: number): number {
    if (this.#phase === 'tunnel') return this.#call.passTunnel(input, from);
    const passage = this.passage;
    if (passage === null || this.body.isComplete) return from;
    const rest = this.#tryPass(passage, input, from);
    if (rest < 0) {
      this.fail(passage.failure);
      return rest;
    }
    this.tally.bytesIn += rest - from;
    if (this.#phase === 'awaiting') this.#noteBody(passage, rest - from);
    else if (this.#phase === 'gathering') this.#noteGathered(passage, rest - from);
    return rest;
  }

  #tryPass(passage: BodyPassage, input: Buffer, from: number): number {
    if (this.#phase === 'gathering') return passage.gather(input, from);
    if (this.#phase !== 'awaiting' && this.#phase !== 'answering') return from;
    return this.#call.passBody(passage, input, from);
  }

  #noteGathered(passage: BodyPassage, byteCount: number): void {
    this.#noteBody(passage, byteCount);
    if (!this.body.isComplete) return;
    // Not while the client is in the middle of its own input.
    queueMicrotask(() =>
      this.client.asEvent(() => {
        if (this.#phase === 'gathering') this.admit();
      }),
    );
  }

  #noteBody(passage: BodyPassage, byteCount: number): void {
    if (this.#call.isClientsTurn) this.client.dueMs = passage.paidUntilMs(this.client.dueMs, byteCount);
    else this.#call.armAnswer();
  }

  /** The client will send nothing more. In a tunnel that is one half; before the answer is complete it has gone. */
  onClientEnd(): void {
    if (this.#phase === 'tunnel') this.#call.clientEnded();
    else this.client.abort();
  }

  onClientClogged(): void {
    this.#call.clientClogged();
  }

  onClientWritable(): void {
    this.#call.clientWritable();
  }

  onDeadline(): void {
    switch (this.#phase) {
      case 'held':
        this.fail(this.desk.waitsFor === 'slot' ? FAILURES.tooBusy : failureOfHold(this.desk.route));
        return;
      case 'awaiting':
        if (!this.#call.isClientsTurn) this.#call.blame();
        this.fail(this.#call.isClientsTurn ? FAILURES.requestTimeout : FAILURES.answerTimeout);
        return;
      case 'gathering':
        this.fail(FAILURES.requestTimeout);
        return;
      case 'answering':
      case 'delivering':
      case 'tunnel':
        this.client.abort();
        return;
      default:
        this.client.dueMs = NEVER;
    }
  }

  /** Ends the exchange with an answer of our own, or by cutting the one that has begun. */
  fail(failure: Failure): void {
    const accept = this.head.fields.first('accept') ?? '';
    const page = this.desk.errorPages?.find(failure.status, failure.message) ?? null;
    const request = { accept, requestId: this.nameRequest(), page };
    this.#conclude(failureAnswer(failure, request), failure.code);
  }

  #conclude(answer: OwnAnswer, error: string | null): void {
    if (this.tally.status === 0) this.tally.status = answer.status;
    this.tally.error = error;
    const phase = this.#phase;
    this.#call.drop();
    this.end();
    if (phase === 'answering' || phase === 'delivering') this.client.breakAnswer();
    else if (phase === 'tunnel') this.client.abort();
    else this.client.answerOwn(this.#withHsts(answer), this.head, true);
  }

  #withHsts(answer: OwnAnswer): OwnAnswer {
    if (this.#route.tls === null) return answer;
    const line = hstsLineFor(this.#route, null, this.client.origin(this.head));
    return line === '' ? answer : { ...answer, lines: answer.lines + line };
  }

  /** Patience is over, the daemon's or a deploy's: 503 where nothing was said yet, otherwise a cut. */
  cut(failure: Failure = FAILURES.shuttingDown): void {
    this.fail(failure);
  }

  isAt(service: string, targetIds: readonly string[]): boolean {
    const { target } = this.placement;
    if (this.#phase === 'delivering' || target === null) return false;
    return this.#route.name === service && targetIds.includes(target.id);
  }

  /** The client connection is gone: the target hears of it at once. */
  clientGone(): void {
    if (this.#phase === 'ended') return;
    this.#call.drop();
    if (this.tally.status === 0) this.tally.status = CLIENT_GONE;
    if (this.#phase !== 'tunnel') this.tally.error = 'client_gone';
    this.end();
  }

  end(): void {
    const counted = countedAs(this.#phase);
    this.move('ended');
    this.#call.close();
    this.#hold?.cancel();
    this.passage?.close();
    this.core.exchangeCount--;
    this.tally.tell(this.desk.counts, this.client, this.head, this.placement);
    if (counted === 'held') {
      this.placement.leaveHold();
      this.desk.release(this);
    } else if (counted === 'in-flight') this.placement.leaveFlight();
  }

  move(event: ExchangeEvent): void {
    const next = nextPhase(this.#phase, event);
    // The words are put together only when they are needed: this runs four times per request.
    if (next === null) throw new Error(`an exchange that is ${this.#phase} is never ${event}`);
    this.#phase = next;
  }
}

/** Said by the edge where it takes the body itself. */
const CONTINUE = Object.assign(new ResponseHead(), { status: 100, reason: 'Continue' });

/** nginx's: the client went before it got an answer. */
const CLIENT_GONE = 499;
