/**
 * Runs one request: from the gate to a target and back, by the phases of exchange-phase.ts. It alone counts itself on
 * the board, exactly once in and once out. Its client owns the bytes that came in and how an answer is framed.
 */

import { assert } from '../../base/errors.ts';
import { machineNowMs } from '../board/index.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { ResponseHead } from '../http1/response-head.ts';
import { isUnderAny, targetFor } from '../routing/route-table.ts';
import type { QuietRule, ServiceRoute, TargetRoute } from '../routing/service-route.ts';
import type { TargetSide, UpstreamBreak, UpstreamUser } from '../upstream/target-side.ts';
import { BodyGauge } from './body-gauge.ts';
import type { RequestOrigin } from './client-address.ts';
import type { ClientSide } from './client-side.ts';
import { DeferredAnswer } from './deferred-answer.ts';
import type { EdgeCore } from './edge-core.ts';
import { countedAs, type ExchangeEvent, type ExchangePhase, nextPhase } from './exchange-phase.ts';
import { type ExchangeEnd, ExchangeTally } from './exchange-tally.ts';
import { FAILURES, type Failure, failureAnswer, failureOfRequest, failureOfUpstream } from './failure.ts';
import { GatheredBody } from './gathered-body.ts';
import { hstsLineFor, linesForClient, linesForTarget } from './head-lines.ts';
import { HoldRecord } from './hold-record.ts';
import type { LaneChoice } from './lane-choice.ts';
import type { OwnAnswer } from './own-answer.ts';
import { findQuietRule, quietAnswer } from './quiet-answer.ts';
import type { BodySink, IncomingBody } from './request-body.ts';
import { NOBODY, Retries } from './retries.ts';
import { canonicalLocation, failureOfLength, redirectAnswer } from './service-answer.ts';
import type { Holder, ServiceDesk, WaitsFor } from './service-desk.ts';
import { isIdempotent, isTargetsFault, mayGoAgain, pickTarget } from './target-choice.ts';
import type { RequestShare, TargetSharing } from './target-sharing.ts';
import { failureOfHold, failureOfStopped } from './traffic-failure.ts';
import { isPageRequest, waitingPage } from './waiting-page.ts';

const NEVER = Number.POSITIVE_INFINITY;

export class Exchange implements UpstreamUser, Holder, ExchangeEnd {
  readonly body: IncomingBody;
  requestId = '';
  readonly #core: EdgeCore;
  readonly #client: ClientSide;
  readonly #head: RequestHead;
  #desk: ServiceDesk;
  /** The service that the request is for, where a lane of it serves it. */
  #front: ServiceDesk | null = null;
  /** The value of the sticky cookie that its client is to be given. */
  #laneKey: string | null = null;
  readonly #tally: ExchangeTally;
  /** The rule that makes the request quiet: it neither wakes nor keeps awake. */
  readonly #quiet: QuietRule | null;
  #route: ServiceRoute;
  #phase: ExchangePhase = 'arrived';
  #target: TargetRoute | null = null;
  #connection: TargetSide | null = null;
  #isUpstreamClogged = false;
  /** Tunnel: which sides have said that they will send nothing more. */
  #hasClientEnded = false;
  #hasTargetEnded = false;
  #isFreshWanted = false;
  #gauge: BodyGauge | null = null;
  #gathered: GatheredBody | null = null;
  #deferred: DeferredAnswer | null = null;
  #hold: HoldRecord | null = null;
  /** Of the service whose requests are shared out in some way of its own; null: they are not. */
  #sharing: TargetSharing | null = null;
  #share: RequestShare | null = null;
  #retries: Retries | null = null;

  constructor(core: EdgeCore, client: ClientSide, head: RequestHead, desk: ServiceDesk, body: IncomingBody) {
    this.#core = core;
    this.#client = client;
    this.#head = head;
    this.#desk = desk.lanes === null ? desk : this.#takeLane(desk, desk.lanes);
    this.#route = this.#desk.route;
    this.body = body;
    const { quietRules } = this.#desk;
    this.#quiet = quietRules.isEmpty
      ? null
      : findQuietRule(quietRules, client, head, this.#route.clientIpHeader);
    this.#tally = new ExchangeTally(core);
    // A connection that is gone has no address any more.
    if (core.accessLog !== null) client.origin(head, this.#route.clientIpHeader);
    core.exchangeCount++;
  }

  get isHeld(): boolean {
    return this.#phase === 'held';
  }

  get clientIpHeader(): string | null {
    return this.#route.clientIpHeader;
  }

  /** Its service's metrics leave its path out. */
  get isUncounted(): boolean {
    return isUnderAny(this.#head.path, this.#route.excludeMetricsPaths);
  }

  get isQuiet(): boolean {
    return this.#quiet !== null;
  }

  get serviceName(): string {
    return this.#route.name;
  }

  get targetId(): string | null {
    return this.#target?.id ?? null;
  }

  get wakeMs(): number {
    return this.#hold?.wakeMs ?? 0;
  }

  #takeLane(desk: ServiceDesk, lanes: LaneChoice): ServiceDesk {
    const { desks } = this.#core;
    const { lane, newKey } = lanes.choose(this.#head, desks);
    this.#laneKey = newKey;
    if (lane !== null) this.#front = desk;
    return lane ?? desk;
  }

  /** Begins at the gate; begins there again after refusals. */
  admit(): void {
    if (this.#desk.isGone && this.#front !== null) this.#returnToFront(this.#front);
    this.#route = this.#desk.route;
    if (this.#desk.isGone) {
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
    const { column, table } = this.#core;
    const { row } = this.#route;
    if (column.enter(row, table.generation) === 'held') {
      this.#move('gated');
      this.#wait('gate');
    } else if (this.#mustQueue() || this.#pick(this.#refusedIds()) === 'full') {
      column.turnBack(row);
      this.#move('gated');
      this.#wait('slot');
    } else {
      this.#move('admitted');
      this.#send();
    }
  }

  /** What its service's options answer, whatever the gate says. */
  #hasOwnAnswer(): boolean {
    const tooLarge = failureOfLength(this.#route, this.#head);
    if (tooLarge !== null) this.fail(tooLarge);
    if (this.#phase === 'ended' || this.#route.canonicalHost === null) return this.#phase === 'ended';
    const location = canonicalLocation(this.#route, this.#head, this.#origin().proto);
    if (location === null) return false;
    this.#conclude(redirectAnswer(location, this.#nameRequest()), null);
    return true;
  }

  /** Its service wants the body whole first; it begins at the gate when that has come. */
  #mustGather(): boolean {
    if (this.#phase !== 'arrived' || !this.#route.bufferRequests || this.body.isComplete) return false;
    const { limits, spools } = this.#core;
    this.#move('gathers');
    this.#gathered = new GatheredBody(this.#route.maxRequestBodyBytes, limits, spools);
    if (this.#head.expectsContinue) this.#client.writeInterim(CONTINUE);
    this.#client.arm(limits.requestBodyIdleMs);
    this.#client.passBody();
    return true;
  }

  /** As `takeBody`. */
  #gather(body: GatheredBody, input: Buffer, from: number): number {
    const rest = this.#tryGather(body, input, from);
    if (rest < 0) return rest;
    this.#tally.bytesIn += rest - from;
    this.#noteBody(rest - from);
    // Not while the client is in the middle of its own input.
    if (this.body.isComplete)
      queueMicrotask(() =>
        this.#client.asEvent(() => {
          if (this.#phase === 'gathering') this.admit();
        }),
      );
    return rest;
  }

  #tryGather(body: GatheredBody, input: Buffer, from: number): number {
    try {
      const rest = body.take(this.body, input, from);
      if (body.isOver) this.fail(FAILURES.bodyTooLarge);
      else if (rest < 0) this.fail(failureOfRequest({ status: 400, reason: this.body.reason }));
      return body.isOver ? -1 : rest;
    } catch (error) {
      this.#core.onError(error);
      this.fail(FAILURES.cannotBuffer);
      return -1;
    }
  }

  #origin(): RequestOrigin {
    return this.#client.origin(this.#head, this.#route.clientIpHeader);
  }

  /** Who waits for a slot already is served first. */
  #mustQueue(): boolean {
    return this.#route.targetConcurrency > 0 && this.#desk.heldCount > 0;
  }

  /** Never held: where the gate is closed, or nobody else keeps the service awake, it has its answer. */
  #admitQuiet({ answer }: QuietRule): void {
    const { column, table } = this.#core;
    if (this.#desk.isInUse && column.tryEnterQuiet(this.#route.row, table.generation)) {
      if (this.#pick(this.#refusedIds()) === 'full') {
        column.endQuiet(this.#route.row);
        this.fail(FAILURES.tooBusy);
        return;
      }
      this.#desk.counts.add('quiet passed');
      this.#move('admitted');
      this.#send();
      return;
    }
    this.#desk.counts.add('quiet answered');
    this.#conclude(quietAnswer(answer, this.#nameRequest()), null);
  }

  #wait(waitsFor: WaitsFor): void {
    this.#hold ??= new HoldRecord(this.#core, this.#desk, this.#route.holdTimeoutMs);
    if (waitsFor === 'gate') this.#hold.hasMetGate = true;
    this.#client.dueMs = this.#hold.untilMs;
    const failure = this.#desk.tryHold(this, waitsFor);
    if (failure !== null) this.fail(failure);
    else if (waitsFor === 'gate' && this.#isImpatient()) {
      this.#hold.afterGrace(() => this.#client.asEvent(() => this.#answerWaiting()));
    }
  }

  /** It is to hear of a wake, rather than wait for it. */
  #isImpatient(): boolean {
    const { waitMode, traffic } = this.#route;
    if (traffic !== 'forward') return false;
    return waitMode === 'reject' || (waitMode === 'page' && isPageRequest(this.#head));
  }

  /** The wake was raised by the hold; it goes on without this request. */
  #answerWaiting(): void {
    if (this.#phase !== 'held') return;
    if (this.#route.waitMode !== 'page') this.fail(FAILURES.waking);
    else this.#conclude(waitingPage(this.#route.name, this.#nameRequest()), FAILURES.waking.code);
  }

  lookAgain(): WaitsFor | null {
    const { column, table } = this.#core;
    const now = this.#desk.route;
    if (now.row !== this.#route.row) {
      column.leave(this.#route.row);
      this.#route = now;
      if (column.enter(now.row, table.generation) === 'held') return this.#stayAtGate();
    } else if (column.again(now.row, table.generation) === 'held') {
      this.#route = now;
      return this.#stayAtGate();
    }
    this.#route = now;
    if (this.#pick(this.#refusedIds()) === 'full') {
      column.turnBack(now.row);
      return 'slot';
    }
    this.#desk.release(this);
    this.#hold?.end();
    this.#move('admitted');
    this.#send();
    return null;
  }

  /** Whom a lane held that is gone now: the service itself has an answer for them. */
  deskGone(): void {
    if (this.#front === null) {
      this.fail(FAILURES.serviceRemoved);
      return;
    }
    this.#core.column.leave(this.#route.row);
    this.#desk.release(this);
    this.#hold?.cancel();
    this.#hold = null;
    this.#move('returned');
    this.#client.asEvent(() => this.admit());
  }

  #returnToFront(front: ServiceDesk): void {
    this.#desk = front;
    this.#front = null;
  }

  #stayAtGate(): WaitsFor {
    if (this.#hold !== null) this.#hold.hasMetGate = true;
    return 'gate';
  }

  /** Counted in flight on the service: sets the target that admits it, if there is one. */
  #pick(refusedIds: readonly string[]): 'picked' | 'full' | 'none' {
    const target = pickTarget(this.#core, this.#desk, this.#route, refusedIds, this.#ownShare());
    if (typeof target === 'string') return target;
    this.#target = target;
    return 'picked';
  }

  /** Dealt once for each way of sharing: while it was held, that may have become another one. */
  #ownShare(): RequestShare | null {
    const { sharing } = this.#desk;
    if (sharing !== this.#sharing) {
      this.#sharing = sharing;
      this.#share = sharing?.shareOf(this.#head.fields) ?? null;
    }
    return this.#share;
  }

  /** Cookies by which the client's next request goes the same way. */
  #shareLines(): string {
    if (this.#target === null || (this.#laneKey === null && this.#sharing === null)) return '';
    const isSecure = this.#origin().proto === 'https';
    const front = this.#front ?? this.#desk;
    const laneLine = this.#laneKey === null ? '' : (front.lanes?.line(this.#laneKey, isSecure) ?? '');
    if (this.#sharing === null || this.#share === null) return laneLine;
    return laneLine + this.#sharing.lines(this.#share, this.#target, isSecure);
  }

  #refusedIds(): readonly string[] {
    return this.#retries === null ? NOBODY : this.#retries.refusedIds;
  }

  /** Finds a connection to the target that was picked. */
  #send(): void {
    const { limits } = this.#core;
    if (this.#target === null) {
      this.#retry(null);
      return;
    }
    const pool = this.#desk.pool(this.#target);
    const idleMsMax = isIdempotent(this.#head.method) ? limits.upstreamIdleMs : limits.unsafeReuseIdleMs;
    const kept = this.#isFreshWanted ? null : pool.tryTake(this, this.#core.sweep.nowMs, idleMsMax);
    this.#client.arm(NEVER);
    if (kept === null) {
      const { sweep, clients, streamCount } = this.#core;
      if (sweep.size - clients.size - streamCount >= limits.upstreamConnectionsMax) this.#retry(null);
      else this.#connection = pool.connect(this);
      return;
    }
    this.#connection = kept;
    this.#transmit(kept);
  }

  onUpstreamOpen(): void {
    assert(this.#connection !== null, 'a connection that opens is known');
    this.#transmit(this.#connection);
  }

  #transmit(connection: TargetSide): void {
    this.#move('connected');
    // Where the body is here already, nobody has to be asked for it.
    const head = this.#gathered === null ? this.#head : this.#head.withoutExpectation();
    assert(this.#target !== null, 'what is sent has a target');
    const target = this.#route.stripPathPrefix ? targetFor(this.#route, head.target, head.path) : head.target;
    const { forwardHeaders } = this.#route;
    const lines = linesForTarget(head, this.#target, this.#origin(), forwardHeaders);
    connection.sendHead(head, target, lines, `X-Request-ID: ${this.#nameRequest()}\r\n`);
    this.#armAnswer();
    this.#passBody(connection);
    // An earlier answer of this client is still on its way to a slow reader.
    if (this.#client.backlogBytes > 0) connection.pause();
  }

  #passBody(connection: TargetSide): void {
    if (this.#gathered === null) this.#client.passBody();
    else this.#gathered.sendTo(connection, () => this.#connection === connection && !this.#isUpstreamClogged);
  }

  #nameRequest(): string {
    if (this.requestId === '') this.requestId = this.#head.requestId ?? this.#core.requestIds.next();
    return this.requestId;
  }

  /** The client calls it with what it has; returns where the rest begins, -1 when the body is bad. */
  takeBody(input: Buffer, from: number): number {
    const connection = this.#connection;
    if (this.#phase === 'gathering' && this.#gathered !== null && !this.body.isComplete)
      return this.#gather(this.#gathered, input, from);
    if (connection === null || this.#isUpstreamClogged || !this.#isWithTarget()) return from;
    if (this.#phase === 'tunnel') {
      this.#tally.bytesIn += input.length - from;
      connection.writeTunnel(input, from, input.length);
      if (this.#hasTargetEnded) this.#armHalfClosed();
      return input.length;
    }
    if (this.body.isComplete) return from;
    const rest = this.body.pass(input, from, this.#gauged(connection));
    if (this.#gauge?.isOver === true) {
      this.fail(FAILURES.bodyTooLarge);
      return -1;
    }
    if (rest >= 0) {
      this.#tally.bytesIn += rest - from;
      if (this.#phase === 'awaiting') this.#noteBody(rest - from);
      return rest;
    }
    this.fail(failureOfRequest({ status: 400, reason: this.body.reason }));
    return -1;
  }

  /** Bodies that did not say how long they are. */
  #gauged(sink: BodySink): BodySink {
    const { maxRequestBodyBytes } = this.#route;
    if (maxRequestBodyBytes === 0 || this.#head.framing.kind === 'length') return sink;
    this.#gauge ??= new BodyGauge(sink, maxRequestBodyBytes);
    return this.#gauge;
  }

  /** A body buys time with its bytes: one that drips would keep its connection, and its target's, for as long as it likes. */
  #noteBody(byteCount: number): void {
    if (!this.#isClientsTurn) {
      this.#armAnswer();
      return;
    }
    const { sweep, limits } = this.#core;
    const boughtMs = (byteCount * 1_000) / limits.requestBodyBytesPerSecondMin;
    this.#client.dueMs = Math.min(sweep.nowMs + limits.requestBodyIdleMs, this.#client.dueMs + boughtMs);
  }

  #isWithTarget(): boolean {
    return this.#phase === 'awaiting' || this.#phase === 'answering' || this.#phase === 'tunnel';
  }

  #armAnswer(): void {
    const responseTimeoutMs = this.#route.responseTimeoutMs === 0 ? NEVER : this.#route.responseTimeoutMs;
    this.#client.arm(this.#isClientsTurn ? this.#core.limits.requestBodyIdleMs : responseTimeoutMs);
  }

  /** Who keeps the exchange waiting: a body whose target takes no more of it is not the client's fault. */
  get #isClientsTurn(): boolean {
    return !this.body.isComplete && !this.#isUpstreamClogged;
  }

  onInterimHead(head: ResponseHead): void {
    // RFC 9110 §15.2: never to HTTP/1.0.
    if (this.#head.minor > 0) this.#client.writeInterim(head);
  }

  onAnswerHead(head: ResponseHead): void {
    if (this.#target !== null) this.#desk.ejection.answered(this.#target.id);
    if (head.status === 101) {
      this.#upgrade(head);
      return;
    }
    this.#move('answered');
    this.#tally.status = head.status;
    const mayPersist = this.body.isComplete && !this.#core.isDraining;
    this.#client.beginAnswer(this.#head, head, mayPersist, this.#linesForClient(head));
    this.#armProgress();
  }

  #linesForClient(head: ResponseHead): string {
    const route = this.#route;
    const hstsLine = route.tls === null ? '' : hstsLineFor(route, head, this.#client.origin(this.#head));
    return linesForClient(this.#core, head, this.wakeMs, hstsLine) + this.#shareLines();
  }

  #armProgress(): void {
    this.#client.arm(this.#core.limits.answerIdleMs);
  }

  onAnswerBytes(bytes: Buffer, from: number, to: number): void {
    this.#tally.bytesOut += to - from;
    if (this.#deferred === null || this.#deferred.isIdle) this.#client.writeAnswer(bytes, from, to);
    else {
      this.#deferred.add(bytes, from, to);
      if (this.#deferred.isFull) this.#connection?.pause();
    }
    this.#armProgress();
  }

  onAnswerEnd(trailers: FieldSection | null): void {
    const connection = this.#connection;
    this.#connection = null;
    if (this.body.isComplete && connection !== null && connection.backlogBytes === 0) {
      this.#desk.giveBack(this.#target, connection);
    } else connection?.drop();
    if (this.#deferred === null || this.#deferred.isEmpty) {
      this.#endAnswer(trailers);
      return;
    }
    this.#deferred.trailers = trailers;
    this.#move('buffered');
    this.#leaveFlight();
  }

  #endAnswer(trailers: FieldSection | null): void {
    this.#client.endAnswer(trailers);
    this.#end();
    this.#client.exchangeEnded(this.body.isComplete);
  }

  #upgrade(head: ResponseHead): void {
    const asked = this.#head.upgrade;
    if (asked === null || head.upgrade === null || !offers(asked, head.upgrade)) {
      this.#breakOff({ kind: 'malformed', reason: 'an upgrade nobody asked for' });
      return;
    }
    this.#move('upgraded');
    this.#tally.status = head.status;
    this.#client.arm(NEVER);
    this.#connection?.becomeTunnel();
    this.#client.beginTunnel(head, this.#linesForClient(head));
    this.#client.passBody();
    const { relaySocket } = this.#client;
    if (relaySocket !== null) this.#connection?.relayWith(relaySocket);
  }

  onTunnelBytes(bytes: Buffer, from: number, to: number): void {
    this.#tally.bytesOut += to - from;
    this.#client.writeTunnel(bytes, from, to);
    if (this.#hasClientEnded) this.#armHalfClosed();
  }

  onTunnelEnd(): void {
    this.#hasTargetEnded = true;
    this.#client.endTunnel();
    this.#armHalfClosed();
    this.#endTunnelOnceEmpty();
  }

  /** The client will send nothing more. In a tunnel that is one half; before the answer is complete it has gone. */
  onClientEnd(): void {
    if (this.#phase !== 'tunnel') {
      this.#client.abort();
      return;
    }
    this.#hasClientEnded = true;
    this.#connection?.shutdown();
    this.#armHalfClosed();
    this.#endTunnelOnceEmpty();
  }

  #armHalfClosed(): void {
    this.#client.arm(this.#core.limits.tunnelHalfClosedMs);
  }

  /** Both halves are closed, and what was said has left. */
  #endTunnelOnceEmpty(): void {
    const connection = this.#connection;
    if (!this.#hasClientEnded || !this.#hasTargetEnded || connection === null) return;
    if (connection.backlogBytes > 0) return;
    this.#connection = null;
    connection.dismiss();
    this.#end();
    this.#client.exchangeEnded(false);
  }

  onUpstreamClogged(): void {
    this.#isUpstreamClogged = true;
    if (this.#phase === 'awaiting') this.#armAnswer();
  }

  onUpstreamWritable(): void {
    this.#isUpstreamClogged = false;
    if (this.#phase === 'awaiting') this.#armAnswer();
    if (this.#connection !== null) this.#passBody(this.#connection);
    this.#endTunnelOnceEmpty();
  }

  onClientClogged(): void {
    if (this.#phase === 'answering' && this.#route.bufferResponses) {
      this.#deferred ??= new DeferredAnswer(this.#client, this.#core.limits, this.#core.spools);
    } else this.#connection?.pause();
  }

  onClientWritable(): void {
    this.#deferred?.deliver();
    if (this.#phase === 'delivering' && this.#deferred?.isEmpty === true) {
      this.#endAnswer(this.#deferred.trailers);
      return;
    }
    if (this.#deferred?.isFull !== true) this.#connection?.resume();
    if (this.#phase === 'tunnel') {
      if (this.#hasClientEnded || this.#hasTargetEnded) this.#armHalfClosed();
      else this.#client.arm(NEVER);
    } else if (this.#phase === 'answering' || this.#phase === 'delivering') this.#armProgress();
    else if (this.#phase === 'awaiting') this.#armAnswer();
  }

  onUpstreamBroken(why: UpstreamBreak): void {
    const connection = this.#connection;
    this.#connection = null;
    if (this.#phase === 'connecting') {
      this.#retry(why.reason);
      return;
    }
    if (this.#mustSendAgain(connection, why)) {
      this.#isFreshWanted = true;
      this.#move('stale');
      this.#connection = this.#desk.pool(this.#otherTarget()).connect(this);
      return;
    }
    if (this.#phase === 'awaiting' && connection !== null && isTargetsFault(connection, why))
      this.#blameTarget();
    this.#breakOff(why);
  }

  #mustSendAgain(connection: TargetSide | null, why: UpstreamBreak): boolean {
    if (this.#phase !== 'awaiting' || connection === null || this.#isFreshWanted) return false;
    return mayGoAgain(connection, why, this.#head);
  }

  /** For what was sent in vain: another target where there is one, otherwise the same once more. */
  #otherTarget(): TargetRoute {
    const left = this.#target;
    assert(left !== null, 'what was sent had a target');
    if (this.#pick([left.id]) !== 'picked') return left;
    this.#core.column.end(left.row, machineNowMs());
    this.#releaseSlot();
    assert(this.#target !== null, 'what was picked is the target');
    return this.#target;
  }

  #blameTarget(): void {
    if (this.#target !== null) this.#desk.ejection.failed(this.#target);
  }

  /** After the counts are lowered: whoever waits may go. */
  #releaseSlot(): void {
    if (this.#desk.route.targetConcurrency > 0) this.#desk.slotReleased();
  }

  /** Nothing was sent: out of the counts, and to the gate again, at another target at once or after a pause. */
  #retry(reason: string | null): void {
    const { column } = this.#core;
    const target = this.#target;
    this.#target = null;
    if (target !== null) column.takeBack(target.row);
    if (this.#quiet !== null) column.endQuiet(this.#route.row);
    else column.takeBack(this.#route.row);
    this.#move('refused');
    if (target !== null) this.#releaseSlot();
    this.#retries ??= new Retries(this.#core);
    if (target !== null && reason !== null) {
      this.#desk.ejection.failed(target);
      this.#desk.reportRefused(target, reason);
      if (this.#retries.refused(target.id, this.#route)) {
        this.admit();
        return;
      }
    }
    const again = (): void => this.#client.asEvent(() => this.admit());
    if (!this.#retries.tryLater(again)) this.fail(failureOfRetries(target, reason));
  }

  onDeadline(): void {
    switch (this.#phase) {
      case 'held':
        this.fail(this.#desk.waitsFor === 'slot' ? FAILURES.tooBusy : failureOfHold(this.#desk.route));
        return;
      case 'awaiting':
        if (!this.#isClientsTurn) this.#blameTarget();
        this.fail(this.#isClientsTurn ? FAILURES.requestTimeout : FAILURES.answerTimeout);
        return;
      case 'gathering':
        this.fail(FAILURES.requestTimeout);
        return;
      case 'answering':
      case 'delivering':
      case 'tunnel':
        this.#client.abort();
        return;
      default:
        this.#client.dueMs = NEVER;
    }
  }

  /** Ends the exchange with an answer of our own, or by cutting the one that has begun. */
  fail(failure: Failure): void {
    const accept = this.#head.fields.first('accept') ?? '';
    const page = this.#desk.errorPages?.find(failure.status, failure.message) ?? null;
    const request = { accept, requestId: this.#nameRequest(), page };
    this.#conclude(failureAnswer(failure, request), failure.code);
  }

  #conclude(answer: OwnAnswer, error: string | null): void {
    if (this.#tally.status === 0) this.#tally.status = answer.status;
    this.#tally.error = error;
    const phase = this.#phase;
    const connection = this.#connection;
    this.#connection = null;
    connection?.drop();
    this.#end();
    if (phase === 'answering' || phase === 'delivering') this.#client.breakAnswer();
    else if (phase === 'tunnel') this.#client.abort();
    else this.#client.answerOwn(answer, this.#head, true);
  }

  /** Patience is over, the daemon's or a deploy's: 503 where nothing was said yet, otherwise a cut. */
  cut(failure: Failure = FAILURES.shuttingDown): void {
    this.fail(failure);
  }

  isAt(service: string, targetIds: readonly string[]): boolean {
    if (this.#phase === 'delivering' || this.#target === null) return false;
    return this.#route.name === service && targetIds.includes(this.#target.id);
  }

  /** The client connection is gone: the target hears of it at once. */
  clientGone(): void {
    if (this.#phase === 'ended') return;
    const connection = this.#connection;
    this.#connection = null;
    connection?.drop();
    if (this.#tally.status === 0) this.#tally.status = CLIENT_GONE;
    if (this.#phase !== 'tunnel') this.#tally.error = 'client_gone';
    this.#end();
  }

  #breakOff(why: UpstreamBreak): void {
    this.fail(failureOfUpstream(why));
  }

  #end(): void {
    const { column } = this.#core;
    const counted = countedAs(this.#phase);
    this.#move('ended');
    this.#retries?.cancel();
    this.#hold?.cancel();
    this.#gathered?.close();
    this.#deferred?.close();
    this.#core.exchangeCount--;
    this.#tally.tell(this.#desk.counts, this.#client, this.#head, this);
    if (counted === 'held') {
      column.leave(this.#route.row);
      this.#desk.release(this);
    } else if (counted === 'in-flight') this.#leaveFlight();
  }

  /** Its target is done with it. */
  #leaveFlight(): void {
    const { column } = this.#core;
    const nowMs = machineNowMs();
    if (this.#target !== null) column.end(this.#target.row, nowMs);
    if (this.#quiet !== null) column.endQuiet(this.#route.row);
    else column.end(this.#route.row, nowMs);
    if (this.#target !== null) this.#releaseSlot();
  }

  #move(event: ExchangeEvent): void {
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

/** Without a reason nobody refused: there was no target, or no connection to be had. */
function failureOfRetries(target: TargetRoute | null, reason: string | null): Failure {
  if (target === null) return FAILURES.noTarget;
  return reason === null ? FAILURES.tooManyConnections : FAILURES.unreachable;
}

/** RFC 9110 §7.8: a server never switches to a protocol that was not asked for. */
function offers(asked: string, given: string): boolean {
  const names = asked.toLowerCase().split(',');
  return names.some((name) => name.trim() === given.trim().toLowerCase());
}
