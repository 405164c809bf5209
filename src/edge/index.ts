/**
 * The edge's door: one worker's data plane. Owns its listeners, client connections, route table and desks; the
 * process around it gives it a column of the board and a host, and tells it what the daemon says.
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { BoardColumn } from './board/index.ts';
import { DEFAULT_EDGE_SETTINGS, type EdgeSettings } from './edge-settings.ts';
import type { AccessLog } from './exchange/access-line.ts';
import { ClientConnection } from './exchange/client-connection.ts';
import { ConnectionCaps, type TurnedAway } from './exchange/connection-caps.ts';
import { DateLine } from './exchange/date-line.ts';
import type { EdgeCore } from './exchange/edge-core.ts';
import type { EdgeHost } from './exchange/edge-host.ts';
import { Http2Connection } from './exchange/http2-connection.ts';
import { OpenClients } from './exchange/open-client.ts';
import { RequestIds } from './exchange/request-ids.ts';
import { type CountsTaken, ServiceCounts } from './exchange/service-counts.ts';
import { ServiceDesk } from './exchange/service-desk.ts';
import { SpoolBudget } from './exchange/spool.ts';
import { type Reception, TlsArrival } from './exchange/tls-arrival.ts';
import { TrustedProxies } from './exchange/trusted-proxies.ts';
import { HeadMemory } from './http1/head-memory.ts';
import { RequestHeadReader } from './http1/request-head-reader.ts';
import { EDGE_LIMITS, type EdgeLimits } from './limits.ts';
import { RouteTable } from './routing/route-table.ts';
import type { RouteChange } from './routing/service-route.ts';
import { DeadlineSweep } from './sockets/deadline-sweep.ts';
import { type ListenAddress, Listener } from './sockets/listener.ts';
import { asOneEvent, type SocketOwner, type StreamSocket } from './sockets/stream-socket.ts';
import { CertificateDemands } from './tls/certificate-demands.ts';
import type { AcmeChallenge, CertificateChange, EdgeCertificate } from './tls/edge-certificate.ts';
import { TlsDesk } from './tls/tls-desk.ts';
import { IdleBudget } from './upstream/target-pool.ts';

export { type ConnectionBudget, connectionBudget } from './connection-budget.ts';
export { DEFAULT_EDGE_SETTINGS, type EdgeSettings } from './edge-settings.ts';
export type { AccessLog } from './exchange/access-line.ts';
export type { EdgeHost } from './exchange/edge-host.ts';
export { type CountsTaken, DURATION_BOUNDS } from './exchange/service-counts.ts';
export type { WakeCause } from './exchange/wake-cause.ts';
export { EDGE_LIMITS, type EdgeLimits } from './limits.ts';
export type { Readiness, RouteChange, ServiceRoute, TargetRoute } from './routing/service-route.ts';
export type { ListenAddress } from './sockets/listener.ts';
export type { AcmeChallenge, CertificateChange, EdgeCertificate } from './tls/edge-certificate.ts';
export { type ProbedTarget, type ProbeOutcome, probeTarget } from './upstream/target-probe.ts';

export interface EdgeOptions {
  readonly column: BoardColumn;
  readonly host: EdgeHost;
  readonly clock: Clock;
  readonly limits?: Partial<EdgeLimits>;
  /** Of proxy protocol and addresses; throws `invalid_ip_range`. */
  readonly settings?: EdgeSettings;
  /** One line for each exchange; left out: none is made. */
  readonly accessLog?: AccessLog | null;
  /** Bugs: the connection concerned is closed, the rest goes on. */
  readonly onError?: (error: unknown) => void;
}

export interface EdgeStats {
  readonly clients: number;
  readonly exchanges: number;
  readonly held: number;
  readonly idleUpstream: number;
  readonly services: number;
  /** Sockets under a deadline: clients and upstream connections. */
  readonly watched: number;
  /** Targets that were ejected for failing, since the start: of the services that are there. */
  readonly ejections: number;
  /** Connections that were not let in, since the start. */
  readonly turnedAway: TurnedAway;
  readonly certificates: number;
  /** Of those, the ones that were asked for and are kept loaded. */
  readonly loadedCertificates: number;
}

export class Edge {
  readonly #core: EdgeCore;
  readonly #settings: EdgeSettings;
  readonly #listeners: Listener[] = [];
  #onEmpty: (() => void) | null = null;

  constructor(options: EdgeOptions) {
    const limits = { ...EDGE_LIMITS, ...options.limits };
    const settings = options.settings ?? DEFAULT_EDGE_SETTINGS;
    const onError = options.onError ?? reportToNobody;
    const sweep = new DeadlineSweep(options.clock, limits.sweepMs, onError);
    const changedCounts = new Set<ServiceCounts>();
    this.#settings = settings;
    this.#core = {
      column: options.column,
      host: options.host,
      clock: options.clock,
      limits,
      sweep,
      table: new RouteTable(),
      desks: new Map(),
      clients: new OpenClients(),
      idleBudget: new IdleBudget(limits.idleMax),
      requestIds: new RequestIds(),
      spools: new SpoolBudget(),
      date: new DateLine(options.clock, sweep),
      requestHeads: new RequestHeadReader(limits),
      responseHeads: new HeadMemory(),
      trustedProxies: new TrustedProxies(settings.trustedProxies),
      caps: new ConnectionCaps(limits, settings.connectionsPerAddressMax),
      httpsPort: settings.httpsPort,
      tls: new TlsDesk(PROTOCOLS, limits.secureContextsMax, onError),
      certificateDemands: new CertificateDemands(
        (name) => options.host.certificateWanted(name),
        limits.certificateDemandsMax,
      ),
      counts: new ServiceCounts('', changedCounts),
      changedCounts,
      accessLog: options.accessLog ?? null,
      onError,
      isDraining: false,
      drainIdleMs: Number.POSITIVE_INFINITY,
      heldCount: 0,
      exchangeCount: 0,
      streamCount: 0,
      onClientGone: () => this.#noticeEmpty(),
    };
  }

  /** From here on exchanges use the new table. Held requests look at the gate again. */
  apply(change: RouteChange): void {
    const { table, desks } = this.#core;
    table.apply(change);
    asOneEvent(() => {
      for (const name of change.remove) this.#removeDesk(name);
      for (const route of change.put) {
        const desk = desks.get(route.name);
        if (desk === undefined) desks.set(route.name, new ServiceDesk(this.#core, route));
        else desk.update(route);
      }
    });
  }

  /** The gate was opened. */
  opened(service: string): void {
    asOneEvent(() => this.#core.desks.get(service)?.gateOpened());
  }

  /** The gate was closed: a fence, a sleep, a freeze. No idle connection survives it. */
  closed(service: string): void {
    asOneEvent(() => this.#core.desks.get(service)?.gateClosed());
  }

  /**
   * The target is being thawed: where requests are held for the service, it is connected to already. Nothing is sent before it is
   * published as ready.
   */
  expect(
    service: string,
    target: { readonly id: string; readonly host: string; readonly port: number },
  ): void {
    this.#core.desks.get(service)?.expect(target);
  }

  /** Some worker has released a slot of a target: who waits here may go. */
  slotReleased(service: string): void {
    asOneEvent(() => this.#core.desks.get(service)?.lookAgain());
  }

  /** The start failed: everything held gets 502, and what comes until `retryAfterMs` has passed. */
  refuse(
    service: string,
    failure: { readonly code: string; readonly message: string; readonly retryAfterMs: number },
  ): void {
    const { code, message, retryAfterMs } = failure;
    asOneEvent(() => this.#core.desks.get(service)?.refuse(code, message, retryAfterMs));
  }

  /** Says again what it holds requests for, and which targets answer: for a daemon that was not there when it was said. */
  repeatWakes(): void {
    asOneEvent(() => {
      for (const desk of this.#core.desks.values()) desk.sayAgain();
      this.#core.certificateDemands.sayAgain();
    });
  }

  /** Ends what still runs on targets that have left this service: their time to finish is over. */
  cutAt(service: string, targetIds: readonly string[]): void {
    this.#core.clients.each((client) => client.cutAt(service, targetIds));
  }

  /** Throws when the port is taken. May be called for several addresses. */
  listen(
    address: ListenAddress,
    usesProxyProtocol = this.#settings.usesProxyProtocol,
  ): { readonly port: number } {
    const listener = new Listener(address, (make) => {
      new ClientConnection(this.#core, make, usesProxyProtocol);
    });
    this.#listeners.push(listener);
    return { port: listener.port };
  }

  /** As `listen`, for TLS: certificates as `applyCertificates` says. */
  listenTls(
    address: ListenAddress,
    usesProxyProtocol = this.#settings.usesProxyProtocol,
  ): { readonly port: number } {
    const core = this.#core;
    const onSecured: Reception = (stream, arrival, protocol) => {
      const take = (owner: SocketOwner): StreamSocket => stream.handTo(owner);
      if (protocol === 'h2') new Http2Connection(core, take, arrival).onOpen();
      else new ClientConnection(core, take, false, arrival).onOpen();
    };
    const listener = new Listener(address, (make) => {
      new TlsArrival(core, make, usesProxyProtocol, onSecured);
    });
    this.#listeners.push(listener);
    return { port: listener.port };
  }

  /** Handshakes from here on are by it; connections keep what they have. */
  applyCertificates(change: CertificateChange): void {
    this.#core.tls.apply(change);
  }

  /** All there are: what is not among them is gone. */
  replaceCertificates(certificates: readonly EdgeCertificate[], challenges: readonly AcmeChallenge[]): void {
    this.#core.tls.replace(certificates);
    this.#core.tls.challenges.replace(challenges);
  }

  /** Whoever waits for one of this host has it now, or gets none. */
  certificateAnswered(host: string): void {
    this.#core.certificateDemands.answered(host);
  }

  /** From here on the certificate authority gets this answer. */
  putChallenge(challenge: AcmeChallenge): void {
    this.#core.tls.challenges.put(challenge);
  }

  withdrawChallenge(challenge: AcmeChallenge): void {
    this.#core.tls.challenges.withdraw(challenge);
  }

  /**
   * Accepts nothing more and lets exchanges finish; what is left after `timeoutMs` is cut. Idle connections hear
   * `Connection: close` on their next answer, and are closed when none is asked for within `idleMs`.
   */
  async drain(timeoutMs: number, idleMs = 0): Promise<{ readonly cut: number }> {
    const { clients, clock } = this.#core;
    this.#core.isDraining = true;
    this.#core.drainIdleMs = idleMs;
    this.#stopListening();
    clients.each((client) => client.drain(idleMs));
    if (clients.size > 0) await this.#emptyWithin(clock, timeoutMs);
    const cut = this.#core.exchangeCount;
    this.close();
    return { cut };
  }

  /** At once: held requests get 503, running answers are cut. */
  close(): void {
    const { clients, desks } = this.#core;
    this.#core.isDraining = true;
    this.#stopListening();
    clients.each((client) => client.cut());
    // Those that were just answered linger; nobody will watch over them any more.
    clients.each((client) => client.finishNow());
    for (const name of [...desks.keys()]) this.#removeDesk(name);
  }

  /** What was counted since the last taking, of the services where anything was. */
  takeCounts(): readonly CountsTaken[] {
    const { changedCounts } = this.#core;
    const taken = [...changedCounts].map((counts) => counts.take());
    changedCounts.clear();
    return taken;
  }

  stats(): EdgeStats {
    const { clients, desks, sweep, caps, heldCount, exchangeCount } = this.#core;
    let idleUpstream = 0;
    let ejections = 0;
    for (const desk of desks.values()) {
      idleUpstream += desk.idleCount;
      ejections += desk.ejection.count;
    }
    return {
      clients: clients.size,
      exchanges: exchangeCount,
      held: heldCount,
      idleUpstream,
      services: desks.size,
      watched: sweep.size,
      ejections,
      turnedAway: caps.turnedAway,
      certificates: this.#core.tls.certificateCount,
      loadedCertificates: this.#core.tls.contextCount,
    };
  }

  #removeDesk(name: string): void {
    const { desks } = this.#core;
    const desk = desks.get(name);
    desks.delete(name);
    desk?.removed();
  }

  #stopListening(): void {
    for (const listener of this.#listeners.splice(0)) listener.stop();
  }

  #emptyWithin(clock: Clock, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer: Timer = clock.after(timeoutMs, () => {
        this.#onEmpty = null;
        resolve();
      });
      this.#onEmpty = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #noticeEmpty(): void {
    if (this.#core.clients.size > 0 || this.#onEmpty === null) return;
    const onEmpty = this.#onEmpty;
    this.#onEmpty = null;
    onEmpty();
  }
}

/** Over TLS, the preferred one first. */
const PROTOCOLS = ['h2', 'http/1.1'];

/** Without `onError` a bug closes its connection and is not told: the counters still show the cut. */
function reportToNobody(): void {}
