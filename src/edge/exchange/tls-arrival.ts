/**
 * A connection that is to speak TLS, until it does: PROXY header, ClientHello, certificate, handshake. Owns what has
 * come meanwhile and the deadline; afterwards the connection belongs to whoever speaks the protocol that was chosen.
 */

import type { SecureContext } from 'node:tls';
import { NOWHERE } from '../../base/roster.ts';
import { parseProxyHeader } from '../proxy-protocol/proxy-header.ts';
import type { DeadlineOwner } from '../sockets/deadline-sweep.ts';
import { asOneEvent, type SocketOwner, type StreamSocket } from '../sockets/stream-socket.ts';
import { TLS_CHALLENGE_PROTOCOL } from '../tls/acme-challenges.ts';
import { ALERTS, type Alert, writeAlert } from '../tls/alert.ts';
import { type ClientHello, readClientHello } from '../tls/client-hello.ts';
import type { TlsChoice } from '../tls/tls-desk.ts';
import { ClientAddress } from './client-address.ts';
import type { EdgeCore } from './edge-core.ts';
import type { OpenClient } from './open-client.ts';

/** Who has arrived, and may go on. */
export interface Arrival {
  readonly address: ClientAddress;
  /** To give back to the caps; empty: nothing. */
  readonly capKey: string;
}

/** Takes over the socket. `protocol` null: the client has offered none by ALPN. */
export type Reception = (stream: StreamSocket, arrival: Arrival, protocol: string | null) => void;

type Phase = 'reading-proxy-header' | 'reading-hello' | 'choosing' | 'shaking-hands' | 'refused' | 'over';

/** What a browser shows that was pointed at this port with http://. */
const NOT_HTTPS_TEXT = 'This port speaks HTTPS: ask for an https:// address.\n';
const NOT_HTTPS =
  `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${NOT_HTTPS_TEXT.length}\r\n` +
  `Connection: close\r\n\r\n${NOT_HTTPS_TEXT}`;
const LETTER_A = 65;
const LETTER_Z = 90;

export class TlsArrival implements SocketOwner, DeadlineOwner, OpenClient {
  dueMs: number;
  sweepPlace = NOWHERE;
  clientPlace = NOWHERE;
  readonly #core: EdgeCore;
  readonly #stream: StreamSocket;
  readonly #onSecured: Reception;
  #phase: Phase;
  #received: Buffer | null = null;
  #address: ClientAddress | null = null;
  #capKey = '';

  constructor(
    core: EdgeCore,
    make: (owner: SocketOwner) => StreamSocket,
    usesProxyProtocol: boolean,
    onSecured: Reception,
  ) {
    this.#core = core;
    this.#phase = usesProxyProtocol ? 'reading-proxy-header' : 'reading-hello';
    this.#onSecured = onSecured;
    this.#stream = make(this);
    this.dueMs = core.sweep.nowMs + core.limits.tlsHandshakeMs;
  }

  onOpen(): void {
    const { clients, sweep, limits, caps, counts } = this.#core;
    clients.add(this);
    counts.add('connections');
    sweep.add(this);
    this.dueMs = sweep.nowMs + limits.tlsHandshakeMs;
    // Nothing can be said before there is TLS, and a handshake is too dear for a refusal.
    if (this.#core.isDraining || !caps.mayOpen(clients.size)) this.#abort();
    else if (this.#phase !== 'reading-proxy-header') this.#enter(this.#stream.remoteAddress);
    else if (this.#core.trustedProxies.find(this.#stream.remoteAddress)?.isTrusted !== true)
      this.#refuseProxyHeader();
  }

  onData(bytes: Buffer): void {
    if (this.#phase === 'refused' || this.#phase === 'over') return;
    this.#received = this.#received === null ? bytes : Buffer.concat([this.#received, bytes]);
    if (this.#phase === 'reading-proxy-header') this.#readProxyHeader(this.#received);
    else if (this.#phase === 'reading-hello') this.#readHello(this.#received);
    else if (this.#received.length > 2 * this.#core.limits.clientHelloBytesMax) this.#abort();
  }

  onClogged(): void {
    // An alert of seven bytes: it stays with the kernel, or goes with the socket.
  }

  onWritable(): void {
    // Nothing more is to be written.
  }

  /** Nobody waits for an answer to half a handshake. */
  onPeerEnd(): void {
    this.#abort();
  }

  onClosed(): void {
    if (this.#phase === 'over') return;
    this.#leave();
    if (this.#capKey !== '') this.#core.caps.leave(this.#capKey);
    this.#core.onClientGone(this);
  }

  onBug(error: unknown): void {
    this.#core.onError(error);
  }

  onDeadline(): void {
    if (this.#phase !== 'refused') this.#core.counts.failed('tls_handshake_timeout');
    this.#abort();
  }

  /** A handshake under way is brought to its end; its request has `Connection: close` on its answer. */
  drain(idleMs: number): void {
    if (idleMs > 0) this.dueMs = Math.min(this.dueMs, this.#core.sweep.nowMs + idleMs);
    else if (this.#received === null && this.#phase !== 'shaking-hands') this.#abort();
  }

  cut(): void {
    this.#abort();
  }

  cutAt(): void {
    // It is at no target yet.
  }

  finishNow(): void {
    this.#abort();
  }

  #readProxyHeader(received: Buffer): void {
    const header = parseProxyHeader(received, this.#core.limits.proxyHeaderBytesMax);
    if (header.kind === 'incomplete') return;
    if (header.kind === 'rejected') {
      this.#refuseProxyHeader();
      return;
    }
    this.#phase = 'reading-hello';
    this.#received = header.end < received.length ? received.subarray(header.end) : null;
    this.#enter(header.source ?? this.#stream.remoteAddress);
    if (this.#phase === 'reading-hello' && this.#received !== null) this.#readHello(this.#received);
  }

  #refuseProxyHeader(): void {
    this.#core.caps.noteBadProxyHeader();
    this.#abort();
  }

  /** Counted for its address, as connections in the clear are. */
  #enter(peer: string): void {
    const { caps, trustedProxies } = this.#core;
    this.#address = new ClientAddress(peer, trustedProxies, 'https');
    if (!caps.countsAddresses || this.#address.isTrustedProxy) return;
    const key = caps.tryEnter(this.#address.peer);
    if (key === null) this.#abort();
    else this.#capKey = key;
  }

  #readHello(received: Buffer): void {
    const hello = readClientHello(received, this.#core.limits.clientHelloBytesMax);
    if (hello.kind === 'incomplete') return;
    if (hello.kind === 'hello') this.#choose(hello);
    else if (hello.isTls) this.#refuse(ALERTS.decodeError);
    else this.#refuseClear(received);
  }

  /** A host that is to have a certificate and has none may get one while its client waits. */
  #choose(hello: ClientHello): void {
    const choice = this.#core.tls.choose(hello);
    const demand = lacksCertificate(choice) ? this.#demand(hello.serverName) : null;
    if (demand === null) this.#goOn(choice);
    else void this.#awaitDemand(demand, hello);
  }

  #demand(host: string | null): Promise<void> | null {
    const { table, certificateDemands } = this.#core;
    return host !== null && table.isHostOfTls(host) ? certificateDemands.wait(host) : null;
  }

  async #awaitDemand(demand: Promise<void>, hello: ClientHello): Promise<void> {
    this.#phase = 'choosing';
    await demand;
    try {
      asOneEvent(() => {
        if (this.#phase === 'choosing') this.#goOn(this.#core.tls.choose(hello));
      });
    } catch (error) {
      this.#core.onError(error);
      this.#abort();
    }
  }

  #goOn(choice: TlsChoice): void {
    if (choice.kind === 'refused') {
      this.#refuse(choice.alert);
      return;
    }
    const { protocol, context } = choice;
    if (context instanceof Promise) void this.#await(context, protocol);
    else this.#secure(context, protocol);
  }

  async #await(context: Promise<SecureContext>, protocol: string | null): Promise<void> {
    this.#phase = 'choosing';
    try {
      const loaded = await context;
      asOneEvent(() => this.#secure(loaded, protocol));
    } catch (error) {
      this.#core.onError(error);
      asOneEvent(() => this.#refuse(ALERTS.internalError));
    }
  }

  #secure(context: SecureContext, protocol: string | null): void {
    const received = this.#received;
    // It may have gone while its certificate was loaded.
    if (received === null || !this.#stream.isOpen) return;
    this.#phase = 'shaking-hands';
    this.#received = null;
    this.#stream.secure({
      context,
      protocol,
      received,
      onHandshake: (isDone) => this.#onHandshake(isDone, protocol),
    });
  }

  #onHandshake(isDone: boolean, protocol: string | null): void {
    const { counts } = this.#core;
    const address = this.#address;
    if (!isDone || address === null) {
      counts.failed('tls_handshake_failed');
      this.#finish();
      return;
    }
    counts.add('handshakes');
    // The handshake was all that the authority wanted to see.
    if (protocol === TLS_CHALLENGE_PROTOCOL) {
      this.#finish();
      return;
    }
    this.#leave();
    this.#onSecured(this.#stream, { address, capKey: this.#capKey }, protocol);
  }

  #refuse(alert: Alert): void {
    if (this.#phase === 'over') return;
    this.#core.counts.failed('tls_refused');
    this.#stream.writeBytes(writeAlert(alert));
    this.#finish();
  }

  /** It may be a person who wrote http:// for https://. */
  #refuseClear(received: Buffer): void {
    const first = received[0] ?? 0;
    this.#core.counts.failed('tls_refused');
    if (first >= LETTER_A && first <= LETTER_Z) this.#stream.writeText(NOT_HTTPS);
    this.#finish();
  }

  /** What was said is still sent. */
  #finish(): void {
    this.#phase = 'refused';
    this.#received = null;
    this.dueMs = this.#core.sweep.nowMs + this.#core.limits.lingerMs;
    this.#stream.finish();
  }

  #abort(): void {
    this.#stream.destroy();
    this.onClosed();
  }

  /** Its place among the clients, and its deadline, are for the one that takes over. */
  #leave(): void {
    this.#phase = 'over';
    this.#received = null;
    this.#core.sweep.remove(this);
    this.#core.clients.delete(this);
  }
}

function lacksCertificate(choice: TlsChoice): boolean {
  return choice.kind === 'chosen' ? choice.isDefault : choice.alert === ALERTS.unrecognizedName;
}
