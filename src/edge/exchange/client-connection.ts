/**
 * One client's connection: requests in order, one exchange at a time. Owns the bytes that came and were not yet used,
 * the connection's deadline, and how it ends; what happens to a request is the exchange's business.
 */
import { NOWHERE } from '../../base/roster.ts';
import { LF } from '../http1/character-classes.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { writeInterimHead, writeUpgradeHead } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { PREFACE } from '../http2/frames.ts';
import { parseProxyHeader } from '../proxy-protocol/proxy-header.ts';
import type { DeadlineOwner } from '../sockets/deadline-sweep.ts';
import { asOneEvent, type SocketOwner, type StreamSocket } from '../sockets/stream-socket.ts';
import { AnswerWriter, connectionLine } from './answer-writer.ts';
import { ClientAddress, type RequestOrigin } from './client-address.ts';
import type { ClientSide } from './client-side.ts';
import type { EdgeCore } from './edge-core.ts';
import { Exchange } from './exchange.ts';
import { FAILURES, type Failure, failureAnswer, failureOfRequest } from './failure.ts';
import { Http2Connection } from './http2-connection.ts';
import type { OpenClient } from './open-client.ts';
import { type OwnAnswer, writeOwnAnswer } from './own-answer.ts';
import { receive } from './reception.ts';
import { RequestBody } from './request-body.ts';
import { tellRefused } from './request-record.ts';
import type { Arrival } from './tls-arrival.ts';
import { TARGET_REPLACED } from './traffic-failure.ts';

const NEVER = Number.POSITIVE_INFINITY;
const LETTER_P = 80;

type Phase = 'reading-proxy-header' | 'reading-head' | 'exchange' | 'lingering' | 'gone';

export class ClientConnection implements ClientSide, OpenClient, SocketOwner, DeadlineOwner {
  dueMs: number;
  sweepPlace = NOWHERE;
  clientPlace = NOWHERE;
  readonly socket: StreamSocket;
  readonly #core: EdgeCore;
  readonly #answer: AnswerWriter;
  #phase: Phase;
  #exchange: Exchange | null = null;
  #input: Buffer | null = null;
  #from = 0;
  #isAdvancing = false;
  /** One has been looked at: from here on it is HTTP/1.1. */
  #hasHead = false;
  /** When the head that has begun must be complete; 0: none has begun. */
  #headDueMs = 0;
  #hasClientEnded = false;
  #lingeredBytes = 0;
  /** What the client had taken late when it was last looked at: more since then is progress. */
  #takenBytes = 0;
  #address: ClientAddress | null = null;
  /** What to give back to the caps; empty: nothing. */
  #capKey = '';
  /** Over a cap, and being told so. */
  #isTurnedAway = false;
  /** Before there was this object. */
  #isLetIn = false;

  /** `arrival`: over TLS, which comes first; it has been let in already. */
  constructor(
    core: EdgeCore,
    make: (owner: SocketOwner) => StreamSocket,
    usesProxyProtocol: boolean,
    arrival: Arrival | null = null,
  ) {
    this.#core = core;
    this.#phase = usesProxyProtocol ? 'reading-proxy-header' : 'reading-head';
    this.socket = make(this);
    this.#answer = new AnswerWriter(this.socket);
    this.dueMs = core.sweep.nowMs + core.limits.keepAliveIdleMs;
    if (arrival === null) return;
    this.#address = arrival.address;
    this.#capKey = arrival.capKey;
    this.#isLetIn = true;
  }

  get remoteAddress(): string {
    return this.socket.remoteAddress;
  }

  get backlogBytes(): number {
    return this.socket.backlogBytes;
  }

  get relaySocket(): StreamSocket {
    return this.socket;
  }

  get isIdle(): boolean {
    const isReading = this.#phase === 'reading-head' || this.#phase === 'reading-proxy-header';
    return isReading && this.#input === null;
  }

  onOpen(): void {
    const { clients, sweep, limits, caps, counts } = this.#core;
    clients.add(this);
    sweep.add(this);
    this.dueMs = sweep.nowMs + Math.min(this.#core.drainIdleMs, limits.keepAliveIdleMs);
    if (this.#isLetIn) return;
    counts.add('connections');
    if (this.#core.isDraining) this.#refuse(FAILURES.shuttingDown);
    else if (!caps.mayOpen(clients.size)) this.#turnAway(FAILURES.tooManyConnections);
    else if (this.#phase === 'reading-proxy-header') this.#awaitProxyHeader();
    else this.#enter(null);
  }

  #awaitProxyHeader(): void {
    this.dueMs = this.#core.sweep.nowMs + this.#core.limits.requestHeadMs;
    if (this.#core.trustedProxies.find(this.socket.remoteAddress)?.isTrusted !== true)
      this.#refuseProxyHeader();
  }

  /** Counted for its address, which is `source` where a proxy named it. A trusted proxy stands for many: it is not. */
  #enter(source: string | null): void {
    const { caps, trustedProxies } = this.#core;
    if (source !== null) this.#address = new ClientAddress(source, trustedProxies);
    if (!caps.countsAddresses) return;
    this.#address ??= new ClientAddress(this.socket.remoteAddress, trustedProxies);
    if (this.#address.isTrustedProxy) return;
    const key = caps.tryEnter(this.#address.peer);
    if (key === null) this.#turnAway(FAILURES.tooManyFromAddress);
    else this.#capKey = key;
  }

  #turnAway(failure: Failure): void {
    this.#isTurnedAway = this.#core.caps.tryLinger();
    if (this.#isTurnedAway) this.#refuse(failure);
    else this.abort();
  }

  /** Nothing is said to who may be anybody. */
  #refuseProxyHeader(): void {
    this.#core.caps.noteBadProxyHeader();
    this.abort();
  }

  #readProxyHeader(): void {
    const input = this.#input;
    if (input === null) return;
    const header = parseProxyHeader(input, this.#core.limits.proxyHeaderBytesMax);
    if (header.kind === 'incomplete') return;
    if (header.kind === 'rejected') {
      this.#refuseProxyHeader();
      return;
    }
    this.#consume(header.end);
    this.#phase = 'reading-head';
    this.#armIdle();
    this.#enter(header.source);
    if (this.#phase === 'reading-head') this.#advance();
  }

  onData(bytes: Buffer): void {
    if (this.#phase === 'lingering') {
      this.#lingeredBytes += bytes.length;
      if (this.#lingeredBytes > this.#core.limits.lingerBytesMax) this.abort();
      return;
    }
    if (this.#input === null) {
      this.#input = bytes;
      this.#from = 0;
    } else {
      this.#input = Buffer.concat([this.#input.subarray(this.#from), bytes]);
      this.#from = 0;
    }
    if (this.#phase === 'exchange') this.passBody();
    else if (this.#phase === 'reading-proxy-header') this.#readProxyHeader();
    else if (this.#mayCompleteHead(bytes)) this.#advance();
  }

  /** A head ends in a line feed: without one in the new bytes there is nothing to parse again. */
  #mayCompleteHead(bytes: Buffer): boolean {
    const unread = (this.#input?.length ?? 0) - this.#from;
    return this.#headDueMs === 0 || bytes.includes(LF) || unread >= this.#core.limits.requestHeadBytesMax;
  }

  onClogged(): void {
    this.#takenBytes = this.socket.takenBytes;
    this.dueMs = this.#core.sweep.nowMs + this.#core.limits.clientStalledMs;
    this.#exchange?.onClientClogged();
  }

  onWritable(): void {
    if (this.#phase === 'exchange') this.#exchange?.onClientWritable();
    else if (this.#phase === 'lingering') {
      this.dueMs = this.#core.sweep.nowMs + this.#core.limits.lingerMs;
      if (this.#hasClientEnded) this.#finishLingering();
    } else {
      this.#armIdle();
      this.#advance();
    }
  }

  onPeerEnd(): void {
    this.#hasClientEnded = true;
    if (this.#phase === 'exchange') this.#exchange?.onClientEnd();
    else if (this.#phase === 'lingering') this.#finishLingering();
    else this.#close();
  }

  onClosed(): void {
    if (this.#phase === 'gone') return;
    this.#phase = 'gone';
    this.#core.sweep.remove(this);
    this.#core.clients.delete(this);
    if (this.#capKey !== '') this.#core.caps.leave(this.#capKey);
    if (this.#isTurnedAway) this.#core.caps.endLinger();
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#input = null;
    exchange?.clientGone();
    this.#core.onClientGone(this);
  }

  onBug(error: unknown): void {
    this.#core.onError(error);
  }

  onDeadline(nowMs: number): void {
    if (this.#isStillTaking(nowMs)) return;
    asOneEvent(() => {
      if (this.#phase === 'exchange') this.#exchange?.onDeadline();
      else if (this.#phase === 'lingering') this.#endLingering();
      else if (this.#phase === 'reading-proxy-header') this.#refuseProxyHeader();
      else if (this.#input === null) this.#close();
      else this.#refuse(FAILURES.requestTimeout);
    });
  }

  arm(afterMs: number): void {
    if (this.socket.backlogBytes === 0) this.dueMs = this.#core.sweep.nowMs + afterMs;
  }

  /** A slow reader is no dead one: as long as it takes something, it may go on. */
  #isStillTaking(nowMs: number): boolean {
    const { backlogBytes, takenBytes } = this.socket;
    if (backlogBytes === 0 || takenBytes === this.#takenBytes) return false;
    this.#takenBytes = takenBytes;
    this.dueMs = nowMs + this.#core.limits.clientStalledMs;
    return true;
  }

  protocolOf(head: RequestHead): string {
    return head.minor > 0 ? 'HTTP/1.1' : 'HTTP/1.0';
  }

  asEvent(body: () => void): void {
    asOneEvent(body);
  }

  origin(head: RequestHead, ipHeader: string | null = null): RequestOrigin {
    this.#address ??= new ClientAddress(this.socket.remoteAddress, this.#core.trustedProxies);
    return this.#address.origin(head, ipHeader);
  }

  /** Stops or goes on reading by what is left. */
  passBody(): void {
    const exchange = this.#exchange;
    const input = this.#input;
    if (exchange !== null && input !== null) {
      const rest = exchange.takeBody(input, this.#from);
      if (rest < 0 || this.#input !== input) return;
      this.#consume(rest);
    }
    this.#regulate();
  }

  writeInterim(head: ResponseHead): void {
    this.socket.writeText(writeInterimHead(head));
  }

  beginAnswer(request: RequestHead, head: ResponseHead, mayPersist: boolean, ownLines: string): void {
    this.#answer.begin(request, head, mayPersist, ownLines);
  }

  writeAnswer(bytes: Buffer, from: number, to: number): void {
    this.#answer.bytes(bytes, from, to);
  }

  endAnswer(trailers: FieldSection | null): void {
    this.#answer.end(trailers);
  }

  exchangeEnded(isBodyComplete: boolean): void {
    this.#next(isBodyComplete && this.#answer.isPersistent);
  }

  /** Where the client can tell by the framing that this is not all, it may keep what it has. */
  breakAnswer(): void {
    if (this.#answer.showsItsEnd) this.#next(false);
    else this.abort();
  }

  answerOwn(
    answer: OwnAnswer,
    { method, minor, isKeepAlive, hasBody }: RequestHead,
    mayPersist: boolean,
  ): void {
    const isPersistent = mayPersist && isKeepAlive && !hasBody && !this.#core.isDraining;
    this.socket.writeBytes(writeOwnAnswer(answer, method, this.#ownLines(isPersistent, minor)));
    this.#next(isPersistent);
  }

  beginTunnel(head: ResponseHead, ownLines: string): void {
    this.socket.watchPeer();
    this.socket.writeText(writeUpgradeHead(head, ownLines));
  }

  writeTunnel(bytes: Buffer, from: number, to: number): void {
    this.socket.writeBytes(bytes, from, to);
  }

  endTunnel(): void {
    this.socket.shutdown();
  }

  /** The exchange is over. */
  #next(isPersistent: boolean): void {
    this.#exchange = null;
    if (this.#phase !== 'exchange') return;
    // One that was promised to be kept before the drain began may have its next request under way already.
    if (!isPersistent || this.#hasClientEnded || this.#core.drainIdleMs === 0) {
      this.#close();
      return;
    }
    this.#phase = 'reading-head';
    this.#armIdle();
    this.socket.resume();
    if (this.#input !== null) this.#advance();
  }

  #armIdle(): void {
    this.arm(Math.min(this.#core.drainIdleMs, this.#core.limits.keepAliveIdleMs));
  }

  /** Its next answer says `Connection: close`. */
  drain(idleMs: number): void {
    if (!this.isIdle) return;
    if (idleMs === 0) asOneEvent(() => this.#close());
    else this.dueMs = Math.min(this.dueMs, this.#core.sweep.nowMs + idleMs);
  }

  cut(): void {
    asOneEvent(() => {
      if (this.#exchange !== null) this.#exchange.cut();
      else this.abort();
    });
  }

  cutAt(service: string, targetIds: readonly string[]): void {
    const exchange = this.#exchange;
    if (exchange?.isAt(service, targetIds)) asOneEvent(() => exchange.cut(TARGET_REPLACED));
  }

  finishNow(): void {
    this.socket.finish();
    this.abort();
  }

  abort(): void {
    this.socket.destroy();
    this.onClosed();
  }

  /** Reads heads and starts exchanges until one has to wait: a loop, so that pipelined requests do not pile up. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    try {
      while (this.#phase === 'reading-head' && this.#input !== null && this.socket.backlogBytes === 0) {
        if (!this.#readHead(this.#input)) break;
      }
    } finally {
      this.#isAdvancing = false;
    }
    if (this.#phase === 'reading-head' || this.#phase === 'exchange') this.#regulate();
  }

  #readHead(input: Buffer): boolean {
    if (input[this.#from] === LETTER_P && this.#speaksHttp2(input)) return false;
    this.#hasHead = true;
    const head = this.#core.requestHeads.read(input, this.#from);
    if (head.kind === 'incomplete') {
      this.#awaitHead();
      return false;
    }
    this.#headDueMs = 0;
    if (head.kind === 'rejected') {
      this.#refuse(failureOfRequest(head));
      return false;
    }
    this.#consume(this.#from + head.length);
    this.#begin(head);
    return true;
  }

  /** RFC 9113 §3.3: whoever begins with its preface needs no other agreement. */
  #speaksHttp2(input: Buffer): boolean {
    if (this.#hasHead) return false;
    const length = Math.min(PREFACE.length, input.length - this.#from);
    if (PREFACE.compare(input, this.#from, this.#from + length, 0, length) !== 0) return false;
    if (length < PREFACE.length) {
      this.#awaitHead();
      return true;
    }
    const { sweep, clients, trustedProxies } = this.#core;
    this.#phase = 'gone';
    sweep.remove(this);
    clients.delete(this);
    const address = this.#address ?? new ClientAddress(this.remoteAddress, trustedProxies);
    const take = (owner: SocketOwner): StreamSocket => this.socket.handTo(owner);
    const connection = new Http2Connection(this.#core, take, { address, capKey: this.#capKey });
    connection.onOpen();
    connection.onData(input.subarray(this.#from));
    this.#input = null;
    return true;
  }

  #awaitHead(): void {
    if (this.#headDueMs === 0) this.#headDueMs = this.#core.sweep.nowMs + this.#core.limits.requestHeadMs;
    this.dueMs = this.#headDueMs;
  }

  #begin(head: RequestHead): void {
    this.#phase = 'exchange';
    this.dueMs = NEVER;
    const desk = receive(this.#core, this, head);
    if (desk === null) return;
    const body = new RequestBody(head.framing, this.#core.limits, head.listed);
    const exchange = new Exchange(this.#core, this, head, desk, body);
    this.#exchange = exchange;
    exchange.admit();
  }

  #ownLines(isPersistent: boolean, minor: number): string {
    return this.#core.date.line() + connectionLine(isPersistent, minor);
  }

  #refuse(failure: Failure): void {
    const request = { accept: '', requestId: this.#core.requestIds.next() };
    tellRefused(this.#core, this, failure, null, request.requestId);
    this.socket.writeBytes(writeOwnAnswer(failureAnswer(failure, request), '', this.#ownLines(false, 1)));
    this.#linger();
  }

  #consume(to: number): void {
    const input = this.#input;
    if (input === null) return;
    this.#from = to;
    if (to < input.length) return;
    this.#input = null;
    this.#from = 0;
  }

  /** A held request's client stays read, so that its going is seen; what it may send meanwhile is bounded. */
  #regulate(): void {
    const limits = this.#core.limits;
    const unread = this.#input === null ? 0 : this.#input.length - this.#from;
    const unreadMax = this.#exchange?.isHeld === true ? limits.heldBodyBytesMax : limits.readAheadBytesMax;
    if (unread > unreadMax) this.socket.pause();
    else this.socket.resume();
  }

  /** Everything is said: in good order, with time for the client to take it. */
  #close(): void {
    if (this.#input !== null || this.#exchange !== null) {
      this.#linger();
      return;
    }
    this.#phase = 'lingering';
    this.#armLinger();
    this.socket.finish();
  }

  /** The client may still be sending: closing now would reset what it has not read yet (RFC 9112 §9.6). */
  #linger(): void {
    this.#phase = 'lingering';
    this.#input = null;
    this.#armLinger();
    this.socket.resume();
    this.socket.shutdown();
    if (this.#hasClientEnded) this.#finishLingering();
  }

  /** The wait begins when the client has taken everything (`onWritable`); until then it is a reader like any other. */
  #armLinger(): void {
    const { limits, sweep } = this.#core;
    this.#takenBytes = this.socket.takenBytes;
    this.dueMs = sweep.nowMs + (this.socket.backlogBytes > 0 ? limits.clientStalledMs : limits.lingerMs);
  }

  /** What the kernel has is still sent: a reset would take it from a slow reader. */
  #endLingering(): void {
    if (this.socket.backlogBytes === 0) this.finishNow();
    else this.abort();
  }

  #finishLingering(): void {
    if (this.socket.backlogBytes === 0) this.socket.finish();
  }
}
