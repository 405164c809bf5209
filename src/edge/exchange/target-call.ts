/**
 * What one exchange has to do with targets: which connection, what goes out on it, what is tried again elsewhere, and
 * what comes back for the client. Owns the connection while it is the exchange's; the exchange owns its phases and ends.
 */
import { assert } from '../../base/errors.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { targetFor } from '../routing/route-table.ts';
import type { TargetSide, UpstreamBreak, UpstreamUser } from '../upstream/target-side.ts';
import type { BodyPassage } from './body-passage.ts';
import type { RequestOrigin } from './client-address.ts';
import type { ClientSide } from './client-side.ts';
import { DeferredAnswer } from './deferred-answer.ts';
import type { EdgeCore } from './edge-core.ts';
import type { ExchangeEvent, ExchangePhase } from './exchange-phase.ts';
import type { ExchangeTally } from './exchange-tally.ts';
import { type Failure, failureOfRetries, failureOfUpstream } from './failure.ts';
import { hstsLineFor, linesForClient, linesForTarget } from './head-lines.ts';
import type { Placement } from './placement.ts';
import type { IncomingBody } from './request-body.ts';
import { NOBODY, Retries } from './retries.ts';
import type { ServiceDesk } from './service-desk.ts';
import { isIdempotent, isTargetsFault, mayGoAgain } from './target-choice.ts';
import { isUpgradeAskedFor, Tunnel } from './tunnel.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** The exchange, as its call sees it. */
export interface Caller {
  readonly core: EdgeCore;
  readonly client: ClientSide;
  readonly head: RequestHead;
  readonly desk: ServiceDesk;
  readonly placement: Placement;
  readonly tally: ExchangeTally;
  /** Null: the request has no body. */
  readonly passage: BodyPassage | null;
  readonly phase: ExchangePhase;
  readonly body: IncomingBody;
  move(event: ExchangeEvent): void;
  /** Begins again at the gate. */
  admit(): void;
  fail(failure: Failure): void;
  end(): void;
  nameRequest(): string;
  origin(): RequestOrigin;
}

export class TargetCall implements UpstreamUser {
  readonly #caller: Caller;
  #connection: TargetSide | null = null;
  #isClogged = false;
  #isFreshWanted = false;
  #tunnel: Tunnel | null = null;
  #deferred: DeferredAnswer | null = null;
  #retries: Retries | null = null;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** The target takes no more for now. */
  get isClogged(): boolean {
    return this.#isClogged;
  }

  /** Who would not have the exchange, since its last pause. */
  get refusedIds(): readonly string[] {
    return this.#retries === null ? NOBODY : this.#retries.refusedIds;
  }

  /** Finds a connection to the target that was picked. */
  send(): void {
    const { core, client, head, desk, placement } = this.#caller;
    const { target } = placement;
    if (target === null) {
      this.#retry(null);
      return;
    }
    const { limits, sweep, clients, streamCount } = core;
    const pool = desk.pool(target);
    const idleMsMax = isIdempotent(head.method) ? limits.upstreamIdleMs : limits.unsafeReuseIdleMs;
    const kept = this.#isFreshWanted ? null : pool.tryTake(this, sweep.nowMs, idleMsMax);
    client.arm(NEVER);
    if (kept !== null) {
      this.#connection = kept;
      this.#transmit(kept);
    } else if (sweep.size - clients.size - streamCount >= limits.upstreamConnectionsMax) this.#retry(null);
    else this.#connection = pool.connect(this);
  }

  onUpstreamOpen(): void {
    assert(this.#connection !== null, 'a connection that opens is known');
    this.#transmit(this.#connection);
  }

  #transmit(connection: TargetSide): void {
    const { client, passage, placement } = this.#caller;
    this.#caller.move('connected');
    const { route, target } = placement;
    assert(target !== null, 'what is sent has a target');
    // Where the body is here already, nobody has to be asked for it.
    const head = passage?.isGathered === true ? this.#caller.head.withoutExpectation() : this.#caller.head;
    const requestTarget = route.stripPathPrefix ? targetFor(route, head.target, head.path) : head.target;
    const lines = linesForTarget(head, target, this.#caller.origin(), route.forwardHeaders);
    connection.sendHead(head, requestTarget, lines, `X-Request-ID: ${this.#caller.nameRequest()}\r\n`);
    this.armAnswer();
    this.#sendBody(connection);
    // An earlier answer of this client is still on its way to a slow reader.
    if (client.backlogBytes > 0) connection.pause();
  }

  #sendBody(connection: TargetSide): void {
    const { client, passage } = this.#caller;
    if (passage?.isGathered !== true) client.passBody();
    else passage.sendGathered(connection, () => this.#connection === connection && !this.#isClogged);
  }

  /** Of the body, as it comes: where the rest of the input begins; -1: the body cannot go on. */
  passBody(passage: BodyPassage, input: Buffer, from: number): number {
    if (this.#connection === null || this.#isClogged) return from;
    return passage.pass(input, from, this.#connection, this.#caller.placement.route.maxRequestBodyBytes);
  }

  passTunnel(input: Buffer, from: number): number {
    if (this.#connection === null || this.#isClogged) return from;
    this.#tunnel?.takeFromClient(input, from);
    return input.length;
  }

  /** Until when the answer may be waited for, or the rest of the request's body. */
  armAnswer(): void {
    const { client, core, placement } = this.#caller;
    const { responseTimeoutMs } = placement.route;
    if (this.isClientsTurn) client.arm(core.limits.requestBodyIdleMs);
    else client.arm(responseTimeoutMs === 0 ? NEVER : responseTimeoutMs);
  }

  /** Who keeps the exchange waiting: a body whose target takes no more of it is not the client's fault. */
  get isClientsTurn(): boolean {
    return !this.#caller.body.isComplete && !this.#isClogged;
  }

  onUpstreamClogged(): void {
    this.#isClogged = true;
    if (this.#caller.phase === 'awaiting') this.armAnswer();
  }

  onUpstreamWritable(): void {
    this.#isClogged = false;
    if (this.#caller.phase === 'awaiting') this.armAnswer();
    if (this.#connection !== null) this.#sendBody(this.#connection);
    this.#endTunnelOnceOver();
  }

  onInterimHead(head: ResponseHead): void {
    // RFC 9110 §15.2: never to HTTP/1.0.
    if (this.#caller.head.minor > 0) this.#caller.client.writeInterim(head);
  }

  onAnswerHead(head: ResponseHead): void {
    const { core, client, desk, placement, tally, body } = this.#caller;
    if (placement.target !== null) desk.ejection.answered(placement.target.id);
    if (head.status === 101) {
      this.#upgrade(head);
      return;
    }
    this.#caller.move('answered');
    tally.status = head.status;
    const mayPersist = body.isComplete && !core.isDraining;
    client.beginAnswer(this.#caller.head, head, mayPersist, this.#linesForClient(head));
    this.#armProgress();
  }

  #linesForClient(head: ResponseHead): string {
    const { core, client, placement, tally } = this.#caller;
    const { route } = placement;
    const hstsLine = route.tls === null ? '' : hstsLineFor(route, head, client.origin(this.#caller.head));
    const lines = linesForClient(core, head, tally.wakeMs, hstsLine);
    if (!placement.isShared) return lines;
    return lines + placement.cookieLines(this.#caller.origin().proto === 'https');
  }

  #armProgress(): void {
    this.#caller.client.arm(this.#caller.core.limits.answerIdleMs);
  }

  onAnswerBytes(bytes: Buffer, from: number, to: number): void {
    this.#caller.tally.bytesOut += to - from;
    if (this.#deferred === null || this.#deferred.isIdle) this.#caller.client.writeAnswer(bytes, from, to);
    else {
      this.#deferred.add(bytes, from, to);
      if (this.#deferred.isFull) this.#connection?.pause();
    }
    this.#armProgress();
  }

  onAnswerEnd(trailers: FieldSection | null): void {
    const { desk, placement, body } = this.#caller;
    const connection = this.#connection;
    this.#connection = null;
    if (body.isComplete && connection !== null && connection.backlogBytes === 0) {
      desk.giveBack(placement.target, connection);
    } else connection?.drop();
    if (this.#deferred === null || this.#deferred.isEmpty) {
      this.#endAnswer(trailers);
      return;
    }
    this.#deferred.trailers = trailers;
    this.#caller.move('buffered');
    placement.leaveFlight();
  }

  #endAnswer(trailers: FieldSection | null): void {
    const { client, body } = this.#caller;
    client.endAnswer(trailers);
    this.#caller.end();
    client.exchangeEnded(body.isComplete);
  }

  clientClogged(): void {
    const { client, core, placement, phase } = this.#caller;
    if (phase === 'answering' && placement.route.bufferResponses) {
      this.#deferred ??= new DeferredAnswer(client, core.limits, core.spools);
    } else this.#connection?.pause();
  }

  clientWritable(): void {
    this.#deferred?.deliver();
    if (this.#caller.phase === 'delivering' && this.#deferred?.isEmpty === true) {
      this.#endAnswer(this.#deferred.trailers);
      return;
    }
    if (this.#deferred?.isFull !== true) this.#connection?.resume();
    const { phase } = this.#caller;
    if (phase === 'tunnel') this.#tunnel?.clientWritable();
    else if (phase === 'answering' || phase === 'delivering') this.#armProgress();
    else if (phase === 'awaiting') this.armAnswer();
  }

  #upgrade(head: ResponseHead): void {
    const { core, client, tally } = this.#caller;
    const connection = this.#connection;
    if (connection === null || !isUpgradeAskedFor(this.#caller.head, head)) {
      this.#breakOff({ kind: 'malformed', reason: 'an upgrade nobody asked for' });
      return;
    }
    this.#caller.move('upgraded');
    tally.status = head.status;
    this.#tunnel = new Tunnel(client, connection, tally, core.limits.tunnelHalfClosedMs);
    this.#tunnel.begin(head, this.#linesForClient(head));
    const { relaySocket } = client;
    if (relaySocket !== null) this.#connection?.relayWith(relaySocket);
  }

  onTunnelBytes(bytes: Buffer, from: number, to: number): void {
    this.#tunnel?.takeFromTarget(bytes, from, to);
  }

  onTunnelEnd(): void {
    this.#tunnel?.targetEnded();
    this.#endTunnelOnceOver();
  }

  /** Of a tunnel: the client will send nothing more. */
  clientEnded(): void {
    this.#tunnel?.clientEnded();
    this.#endTunnelOnceOver();
  }

  #endTunnelOnceOver(): void {
    const connection = this.#connection;
    if (connection === null || this.#tunnel?.isOver !== true) return;
    this.#connection = null;
    connection.dismiss();
    this.#caller.end();
    this.#caller.client.exchangeEnded(false);
  }

  onUpstreamBroken(why: UpstreamBreak): void {
    const { desk, placement } = this.#caller;
    const connection = this.#connection;
    this.#connection = null;
    if (this.#caller.phase === 'connecting') {
      this.#retry(why.reason);
      return;
    }
    const isAwaited = this.#caller.phase === 'awaiting' && connection !== null;
    if (isAwaited && !this.#isFreshWanted && mayGoAgain(connection, why, this.#caller.head)) {
      this.#isFreshWanted = true;
      this.#caller.move('stale');
      this.#connection = desk.pool(placement.moveOn()).connect(this);
      return;
    }
    if (isAwaited && isTargetsFault(connection, why)) this.blame();
    this.#breakOff(why);
  }

  #breakOff(why: UpstreamBreak): void {
    this.#caller.fail(failureOfUpstream(why));
  }

  /** The target has failed it. */
  blame(): void {
    const { desk, placement } = this.#caller;
    if (placement.target !== null) desk.ejection.failed(placement.target);
  }

  /** Nothing was sent: out of the counts, and to the gate again, at another target at once or after a pause. */
  #retry(reason: string | null): void {
    const { core, client, desk, placement } = this.#caller;
    const target = placement.takeBack();
    this.#caller.move('refused');
    if (target !== null) placement.releaseSlot();
    this.#retries ??= new Retries(core);
    if (target !== null && reason !== null) {
      desk.ejection.failed(target);
      desk.reportRefused(target, reason);
      if (this.#retries.refused(target.id, placement.route)) {
        this.#caller.admit();
        return;
      }
    }
    const again = (): void => client.asEvent(() => this.#caller.admit());
    if (!this.#retries.tryLater(again)) this.#caller.fail(failureOfRetries(target !== null, reason));
  }

  /** The target hears of it at once, and the exchange nothing more from there. */
  drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.drop();
  }

  /** The exchange is over. */
  close(): void {
    this.#retries?.cancel();
    this.#deferred?.close();
  }
}
