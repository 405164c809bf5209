/**
 * Runs one request: from the gate to a target and back, by the phases of exchange-phase.ts. It alone counts itself on
 * the board, exactly once in and once out. The client connection owns the bytes that came in; this owns the answer.
 */

import type { Timer } from '../../base/clock.ts';
import { assert } from '../../base/errors.ts';
import { chooseTarget } from '../balancing/least-loaded.ts';
import { machineNowMs } from '../board/index.ts';
import type { FieldSection } from '../http1/field-section.ts';
import {
  writeInterimHead,
  writeRequestFields,
  writeRequestLine,
  writeRequestRest,
  writeUpgradeHead,
} from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { QuietQuestion } from '../routing/quiet-rules.ts';
import { targetFor } from '../routing/route-table.ts';
import type { QuietRule, ServiceRoute, TargetRoute } from '../routing/service-route.ts';
import { authorityOf } from '../upstream/target-probe.ts';
import type { UpstreamBreak, UpstreamConnection, UpstreamUser } from '../upstream/upstream-connection.ts';
import { accessLine } from './access-line.ts';
import { AnswerWriter } from './answer-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { EdgeCore } from './edge-core.ts';
import { countedAs, type ExchangeEvent, type ExchangePhase, nextPhase } from './exchange-phase.ts';
import { FAILURES, type Failure, failureOfRequest, failureOfUpstream, writeFailure } from './failure.ts';
import { writeQuietAnswer } from './quiet-answer.ts';
import { RequestBody } from './request-body.ts';
import { requestRecord } from './request-record.ts';
import type { Holder, ServiceDesk, WaitsFor } from './service-desk.ts';
import { failureOfHold, failureOfStopped } from './traffic-failure.ts';
import { isPageRequest, writeWaitingPage } from './waiting-page.ts';

const NEVER = Number.POSITIVE_INFINITY;

export class Exchange implements UpstreamUser, Holder {
  readonly body: RequestBody;
  readonly #core: EdgeCore;
  readonly #client: ClientConnection;
  readonly #head: RequestHead;
  readonly #desk: ServiceDesk;
  readonly #answer: AnswerWriter;
  #route: ServiceRoute;
  #phase: ExchangePhase = 'arrived';
  #requestId = '';
  #target: TargetRoute | null = null;
  #connection: UpstreamConnection | null = null;
  #isUpstreamClogged = false;
  /** Tunnel: which sides have said that they will send nothing more. */
  #hasClientEnded = false;
  #hasTargetEnded = false;
  #isFreshWanted = false;
  /** Since the deadline of the body was last moved. */
  #bodyProgressBytes = 0;
  #holdUntilMs = 0;
  #heldAtMs = 0;
  /** It was held for a wake, and not merely for a slot. */
  #hasMetGate = false;
  /** Of the desk, when the hold began. */
  #readyings = 0;
  /** How long a wake took as this request saw it; 0: it was not held for one. */
  #wakeMs = 0;
  #graceTimer: Timer | null = null;
  readonly #beganAtMs: number;
  /** As the client got it; 0: none yet. */
  #status = 0;
  #error: string | null = null;
  #bytesIn = 0;
  #bytesOut = 0;
  /** The rule that makes the request quiet: it neither wakes nor keeps awake. */
  readonly #quiet: QuietRule | null;
  /** Since the first refusal. */
  #retryUntilMs = 0;
  #retryPauseMs = 0;
  #retryTimer: Timer | null = null;
  #refusedIds: string[] = NOBODY;

  constructor(core: EdgeCore, client: ClientConnection, head: RequestHead, desk: ServiceDesk) {
    this.#core = core;
    this.#client = client;
    this.#head = head;
    this.#desk = desk;
    this.#answer = new AnswerWriter(head, client.socket);
    this.#route = desk.route;
    this.body = new RequestBody(head.framing, core.limits, head.listed);
    this.#quiet = desk.quietRules.isEmpty ? null : desk.quietRules.find(questionOf(client, head));
    this.#beganAtMs = core.clock.monotonic();
    // A connection that is gone has no address any more.
    if (core.accessLog !== null) client.origin(head);
    core.exchangeCount++;
  }

  get isHeld(): boolean {
    return this.#phase === 'held';
  }

  /** Begins at the gate; begins there again after refusals. */
  admit(): void {
    this.#route = this.#desk.route;
    if (this.#desk.isGone) {
      this.fail(FAILURES.serviceRemoved);
      return;
    }
    if (this.#route.traffic === 'stopped') {
      this.fail(failureOfStopped(this.#route));
      return;
    }
    if (this.#quiet !== null) {
      this.#admitQuiet(this.#quiet);
      return;
    }
    const { column, table } = this.#core;
    const { row } = this.#route;
    if (column.enter(row, table.generation) === 'held') {
      this.#move('gated');
      this.#hold('gate');
    } else if (this.#mustQueue() || this.#pick(this.#refusedIds) === 'full') {
      column.turnBack(row);
      this.#move('gated');
      this.#hold('slot');
    } else {
      this.#move('admitted');
      this.#send();
    }
  }

  /** Who waits for a slot already is served first. */
  #mustQueue(): boolean {
    return this.#route.targetConcurrency > 0 && this.#desk.heldCount > 0;
  }

  /** Never held: where the gate is closed, or nobody else keeps the service awake, it has its answer. */
  #admitQuiet({ answer }: QuietRule): void {
    const { column, table } = this.#core;
    if (this.#desk.isInUse && column.tryEnterQuiet(this.#route.row, table.generation)) {
      if (this.#pick(this.#refusedIds) === 'full') {
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
    this.#conclude(answer.status, null, (ownLines) =>
      writeQuietAnswer(answer, this.#head.method, this.#requestId, ownLines),
    );
  }

  #hold(waitsFor: WaitsFor): void {
    if (waitsFor === 'gate') this.#hasMetGate = true;
    if (this.#holdUntilMs === 0) {
      this.#heldAtMs = this.#core.clock.monotonic();
      this.#holdUntilMs = this.#heldAtMs + this.#route.holdTimeoutMs;
      this.#readyings = this.#desk.readyings;
    }
    this.#client.dueMs = this.#holdUntilMs;
    const failure = this.#desk.tryHold(this, waitsFor);
    if (failure !== null) this.fail(failure);
    else if (waitsFor === 'gate' && this.#isImpatient()) {
      const { clock, limits } = this.#core;
      this.#graceTimer = clock.after(limits.waitGraceMs, () =>
        this.#client.asEvent(() => this.#answerWaiting()),
      );
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
    const { status, code } = FAILURES.waking;
    if (this.#route.waitMode !== 'page') this.fail(FAILURES.waking);
    else
      this.#conclude(status, code, (ownLines) =>
        writeWaitingPage(this.#route.name, this.#requestId, ownLines),
      );
  }

  #noteWake(): void {
    this.#graceTimer?.cancel();
    if (!this.#hasMetGate || this.#desk.readyings === this.#readyings) return;
    this.#wakeMs = this.#core.clock.monotonic() - this.#heldAtMs;
    this.#desk.counts.waited(this.#wakeMs);
  }

  /** For answers of requests that were held for a wake. */
  #wakeLines(): string {
    if (this.#wakeMs === 0) return '';
    return `X-Luma-Cold-Start: 1\r\nServer-Timing: wake;dur=${this.#wakeMs.toFixed(1)}\r\n`;
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
    if (this.#pick(this.#refusedIds) === 'full') {
      column.turnBack(now.row);
      return 'slot';
    }
    this.#desk.release(this);
    this.#noteWake();
    this.#move('admitted');
    this.#send();
    return null;
  }

  #stayAtGate(): WaitsFor {
    this.#hasMetGate = true;
    return 'gate';
  }

  /** Counted in flight on the service: the target that admits it, if there is one. `full`: those that could have no slot. */
  #pick(refusedIds: readonly string[]): 'picked' | 'full' | 'none' {
    const { column, table } = this.#core;
    const { targets, targetConcurrency } = this.#route;
    const { ejectedIds } = this.#desk.ejection;
    let passedOver = refusedIds;
    let isFull = false;
    for (;;) {
      const target = chooseTarget(targets, column, passedOver, ejectedIds);
      // An ejected one does not help out for those that are merely full.
      if (target === null || (isFull && ejectedIds.includes(target.id))) return isFull ? 'full' : 'none';
      const entry = column.tryEnterLimited(target.row, table.generation, targetConcurrency);
      if (entry === 'entered') {
        this.#target = target;
        return 'picked';
      }
      if (entry === 'full') isFull = true;
      passedOver = [...passedOver, target.id];
    }
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
      if (this.#core.sweep.size - this.#core.clients.size >= limits.upstreamConnectionsMax) this.#retry(null);
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

  #transmit(connection: UpstreamConnection): void {
    this.#move('connected');
    const head = this.#head;
    connection.expectAnswer(head.method === 'HEAD');
    if (this.#requestId === '') this.#requestId = head.requestId ?? this.#core.requestIds.next();
    const target = this.#route.stripPathPrefix ? targetFor(this.#route, head.target, head.path) : head.target;
    // In parts: those that are the same for many requests are not put together again.
    connection.writeText(writeRequestLine(head, target));
    connection.writeText(writeRequestFields(head, this.#hostLine() + this.#client.origin(head).lines));
    connection.writeText(`X-Request-ID: ${this.#requestId}\r\n${writeRequestRest(head)}`);
    this.#armAnswer();
    this.#client.passBody();
    // An earlier answer of this connection is still on its way to a slow client.
    if (this.#client.socket.backlogBytes > 0) connection.pause();
  }

  /** For requests that came without one (HTTP/1.0): of what they asked for, or of the target itself. */
  #hostLine(): string {
    if (this.#head.hasHostLine) return '';
    assert(this.#target !== null, 'what is sent has a target');
    return `Host: ${this.#head.host?.text ?? authorityOf(this.#target)}\r\n`;
  }

  /** The client connection calls it with what it has; returns where the rest begins, -1 when the body is bad. */
  takeBody(input: Buffer, from: number): number {
    const connection = this.#connection;
    if (connection === null || this.#isUpstreamClogged || !this.#isWithTarget()) return from;
    if (this.#phase === 'tunnel') {
      this.#bytesIn += input.length - from;
      connection.writeBytes(input, from, input.length);
      if (this.#hasTargetEnded) this.#armHalfClosed();
      return input.length;
    }
    if (this.body.isComplete) return from;
    const rest = this.body.pass(input, from, connection);
    if (rest >= 0) {
      this.#bytesIn += rest - from;
      if (this.#phase === 'awaiting') this.#noteBody(rest - from);
      return rest;
    }
    this.fail(failureOfRequest({ status: 400, reason: this.body.reason }));
    return -1;
  }

  /** A body that drips would keep its connection, and its target's, for as long as it likes. */
  #noteBody(byteCount: number): void {
    this.#bodyProgressBytes += byteCount;
    if (!this.body.isComplete && this.#bodyProgressBytes < this.#core.limits.requestBodyProgressBytesMin)
      return;
    this.#bodyProgressBytes = 0;
    this.#armAnswer();
  }

  #isWithTarget(): boolean {
    return this.#phase === 'awaiting' || this.#phase === 'answering' || this.#phase === 'tunnel';
  }

  #armAnswer(): void {
    const responseTimeoutMs = this.#route.responseTimeoutMs === 0 ? NEVER : this.#route.responseTimeoutMs;
    this.#client.arm(this.body.isComplete ? responseTimeoutMs : this.#core.limits.requestBodyIdleMs);
  }

  onInterimHead(head: ResponseHead): void {
    // RFC 9110 §15.2: never to HTTP/1.0.
    if (this.#head.minor > 0) this.#client.socket.writeText(writeInterimHead(head));
  }

  onAnswerHead(head: ResponseHead): void {
    if (this.#target !== null) this.#desk.ejection.answered(this.#target.id);
    if (head.status === 101) {
      this.#upgrade(head);
      return;
    }
    this.#move('answered');
    this.#status = head.status;
    const dateLine = head.hasDate ? '' : this.#core.date.line();
    this.#answer.begin(head, this.body.isComplete && !this.#core.isDraining, dateLine + this.#wakeLines());
    this.#armProgress();
  }

  #armProgress(): void {
    this.#client.arm(this.#core.limits.answerIdleMs);
  }

  onAnswerBytes(bytes: Buffer, from: number, to: number): void {
    this.#bytesOut += to - from;
    this.#answer.bytes(bytes, from, to);
    this.#armProgress();
  }

  onAnswerEnd(trailers: FieldSection | null): void {
    this.#answer.end(trailers);
    const connection = this.#connection;
    this.#connection = null;
    if (this.body.isComplete && connection !== null && connection.backlogBytes === 0) {
      this.#desk.giveBack(this.#target, connection);
    } else connection?.drop();
    this.#end();
    this.#client.exchangeEnded(this.#answer.isPersistent && this.body.isComplete);
  }

  #upgrade(head: ResponseHead): void {
    const asked = this.#head.upgrade;
    if (asked === null || head.upgrade === null || !offers(asked, head.upgrade)) {
      this.#breakOff({ kind: 'malformed', reason: 'an upgrade nobody asked for' });
      return;
    }
    this.#move('upgraded');
    this.#status = head.status;
    this.#client.arm(NEVER);
    this.#connection?.becomeTunnel();
    this.#client.socket.watchPeer();
    this.#client.socket.writeText(writeUpgradeHead(head, this.#wakeLines()));
    this.#client.passBody();
    this.#connection?.relayWith(this.#client.socket);
  }

  onTunnelBytes(bytes: Buffer, from: number, to: number): void {
    this.#bytesOut += to - from;
    this.#client.socket.writeBytes(bytes, from, to);
    if (this.#hasClientEnded) this.#armHalfClosed();
  }

  onTunnelEnd(): void {
    this.#hasTargetEnded = true;
    this.#client.socket.shutdown();
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
  }

  onUpstreamWritable(): void {
    this.#isUpstreamClogged = false;
    this.#client.passBody();
    this.#endTunnelOnceEmpty();
  }

  onClientClogged(): void {
    this.#connection?.pause();
  }

  onClientWritable(): void {
    this.#connection?.resume();
    if (this.#phase === 'tunnel') {
      if (this.#hasClientEnded || this.#hasTargetEnded) this.#armHalfClosed();
      else this.#client.arm(NEVER);
    } else if (this.#phase === 'answering') this.#armProgress();
    else if (this.#phase === 'awaiting') this.#armAnswer();
  }

  onUpstreamBroken(why: UpstreamBreak): void {
    const connection = this.#connection;
    this.#connection = null;
    if (this.#phase === 'connecting') {
      this.#retry(why.reason);
      return;
    }
    if (this.#phase === 'awaiting' && connection !== null && this.#isStale(connection, why)) {
      this.#isFreshWanted = true;
      this.#move('stale');
      this.#connection = this.#desk.pool(this.#otherTarget()).connect(this);
      return;
    }
    if (this.#phase === 'awaiting' && connection !== null && isTargetsFault(connection, why))
      this.#blameTarget();
    this.#breakOff(why);
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

  /** RFC 9112 §9.3.1: only what may be done twice, on a kept connection that closed as we began to use it. */
  #isStale(connection: UpstreamConnection, why: UpstreamBreak): boolean {
    return (
      why.kind === 'closed' &&
      connection.useCount > 0 &&
      !connection.hasAnswerBytes &&
      !this.#isFreshWanted &&
      !this.#head.hasBody &&
      isIdempotent(this.#head.method)
    );
  }

  /** Nothing was sent: out of the counts, and to the gate again, at another target at once or after a pause. */
  #retry(reason: string | null): void {
    const { column, clock, limits } = this.#core;
    const target = this.#target;
    this.#target = null;
    if (target !== null) column.takeBack(target.row);
    if (this.#quiet !== null) column.endQuiet(this.#route.row);
    else column.takeBack(this.#route.row);
    this.#move('refused');
    if (target !== null) this.#releaseSlot();
    if (target !== null && reason !== null) {
      this.#desk.ejection.failed(target);
      this.#desk.reportRefused(target, reason);
      this.#refusedIds = [...this.#refusedIds, target.id];
      if (
        this.#route.targets.some((other) => other.state === 'ready' && !this.#refusedIds.includes(other.id))
      ) {
        this.admit();
        return;
      }
    }
    const nowMs = clock.monotonic();
    if (this.#retryUntilMs === 0) {
      this.#retryUntilMs = nowMs + limits.retryMs;
      this.#retryPauseMs = limits.retryPauseMinMs;
    }
    if (nowMs >= this.#retryUntilMs) {
      this.fail(failureOfRetries(target, reason));
      return;
    }
    this.#retryTimer = clock.after(this.#retryPauseMs, () => this.#again());
    this.#retryPauseMs = Math.min(limits.retryPauseMaxMs, this.#retryPauseMs * 2);
  }

  #again(): void {
    this.#retryTimer = null;
    this.#refusedIds = NOBODY;
    this.#client.asEvent(() => this.admit());
  }

  onDeadline(): void {
    switch (this.#phase) {
      case 'held':
        this.fail(this.#desk.waitsFor === 'slot' ? FAILURES.tooBusy : failureOfHold(this.#desk.route));
        return;
      case 'awaiting':
        if (this.body.isComplete) this.#blameTarget();
        this.fail(this.body.isComplete ? FAILURES.answerTimeout : FAILURES.requestTimeout);
        return;
      case 'answering':
      case 'tunnel':
        this.#client.abort();
        return;
      default:
        this.#client.dueMs = NEVER;
    }
  }

  /** Ends the exchange with an answer of our own, or by cutting the one that has begun. */
  fail(failure: Failure): void {
    const request = { method: this.#head.method, accept: this.#head.fields.first('accept') ?? '' };
    this.#conclude(failure.status, failure.code, (ownLines) =>
      writeFailure(failure, { ...request, requestId: this.#requestId }, ownLines),
    );
  }

  #conclude(status: number, error: string | null, write: (ownLines: string) => Buffer): void {
    if (this.#status === 0) this.#status = status;
    this.#error = error;
    const phase = this.#phase;
    const connection = this.#connection;
    this.#connection = null;
    connection?.drop();
    const head = this.#head;
    const isPersistent = head.isKeepAlive && !head.hasBody && !this.#core.isDraining;
    if (this.#requestId === '') this.#requestId = head.requestId ?? this.#core.requestIds.next();
    this.#end();
    if (phase === 'answering' && this.#answer.showsItsEnd) {
      // The client can tell by the framing that this is not all, and may keep what it has.
      this.#client.exchangeEnded(false);
    } else if (phase === 'answering' || phase === 'tunnel') this.#client.abort();
    else this.#client.answerOwn(write, head, isPersistent);
  }

  /** Patience is over, the daemon's or a deploy's: 503 where nothing was said yet, otherwise a cut. */
  cut(failure: Failure = FAILURES.shuttingDown): void {
    this.fail(failure);
  }

  isAt(service: string, targetIds: readonly string[]): boolean {
    return this.#route.name === service && this.#target !== null && targetIds.includes(this.#target.id);
  }

  /** The client connection is gone: the target hears of it at once. */
  clientGone(): void {
    if (this.#phase === 'ended') return;
    const connection = this.#connection;
    this.#connection = null;
    connection?.drop();
    if (this.#status === 0) this.#status = CLIENT_GONE;
    if (this.#phase !== 'tunnel') this.#error = 'client_gone';
    this.#end();
  }

  #breakOff(why: UpstreamBreak): void {
    this.fail(failureOfUpstream(why));
  }

  #end(): void {
    const { column } = this.#core;
    const counted = countedAs(this.#phase);
    this.#move('ended');
    this.#retryTimer?.cancel();
    this.#graceTimer?.cancel();
    this.#core.exchangeCount--;
    this.#tell();
    if (counted === 'held') {
      column.leave(this.#route.row);
      this.#desk.release(this);
    } else if (counted === 'in-flight') {
      const nowMs = machineNowMs();
      if (this.#target !== null) column.end(this.#target.row, nowMs);
      if (this.#quiet !== null) column.endQuiet(this.#route.row);
      else column.end(this.#route.row, nowMs);
      if (this.#target !== null) this.#releaseSlot();
    }
  }

  /** To the counts, and to the access log where there is one. */
  #tell(): void {
    const { clock, accessLog } = this.#core;
    const { counts } = this.#desk;
    const durationMs = clock.monotonic() - this.#beganAtMs;
    counts.exchange(this.#head.method, this.#status, this.#status === 101 ? null : durationMs);
    this.#bytesIn += this.#client.socket.relayedInBytes;
    this.#bytesOut += this.#client.socket.relayedOutBytes;
    if (this.#bytesIn > 0) counts.add('bytes in', this.#bytesIn);
    if (this.#bytesOut > 0) counts.add('bytes out', this.#bytesOut);
    if (this.#error !== null) counts.failed(this.#error);
    if (accessLog === null) return;
    accessLog.append(
      accessLine({
        ...requestRecord(clock.now(), this.#client, this.#head),
        service: this.#route.name,
        target: this.#target?.id ?? null,
        status: this.#status,
        bytesIn: this.#bytesIn,
        bytesOut: this.#bytesOut,
        durationMs,
        wakeMs: this.#wakeMs,
        requestId: this.#requestId,
        isQuiet: this.#quiet !== null,
        error: this.#error,
      }),
    );
  }

  #move(event: ExchangeEvent): void {
    const next = nextPhase(this.#phase, event);
    // The words are put together only when they are needed: this runs four times per request.
    if (next === null) throw new Error(`an exchange that is ${this.#phase} is never ${event}`);
    this.#phase = next;
  }
}

/** nginx's: the client went before it got an answer. */
const CLIENT_GONE = 499;

/** What quiet rules ask about a request. */
function questionOf(client: ClientConnection, head: RequestHead): QuietQuestion {
  return {
    method: head.method,
    path: head.path,
    userAgent: () => head.fields.first('user-agent') ?? '',
    clientAddress: () => client.origin(head).address,
  };
}

/** Shared while nobody has refused. */
const NOBODY: string[] = [];

/** RFC 9110 §9.2.2. */
function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'PUT':
    case 'DELETE':
    case 'TRACE':
      return true;
    default:
      return false;
  }
}

/** Without a reason nobody refused: there was no target, or no connection to be had. */
function failureOfRetries(target: TargetRoute | null, reason: string | null): Failure {
  if (target === null) return FAILURES.noTarget;
  return reason === null ? FAILURES.tooManyConnections : FAILURES.unreachable;
}

/** A kept connection may close for being idle; a new one that closes without a word is the target's doing. */
function isTargetsFault(connection: UpstreamConnection, why: UpstreamBreak): boolean {
  return why.kind === 'closed' && connection.useCount === 0 && !connection.hasAnswerBytes;
}

/** RFC 9110 §7.8: a server never switches to a protocol that was not asked for. */
function offers(asked: string, given: string): boolean {
  const names = asked.toLowerCase().split(',');
  return names.some((name) => name.trim() === given.trim().toLowerCase());
}
