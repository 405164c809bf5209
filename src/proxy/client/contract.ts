/**
 * The link as a control plane sees it: one long-lived WebSocket over the management socket.
 * `proxy/client` implements ProxyLink; `control` uses it and implements ProxyLinkListener.
 */
import type {
  LaneSplit,
  QuietRule,
  Readiness,
  ServiceOptions,
  TrafficGroup,
} from '../../edge/routing/service-route.ts';

export type { LaneSplit, QuietRule, Readiness, ServiceOptions, TrafficGroup };

/** What is known of the request that wakes a service. */
export interface WakeCause {
  /** Without its query. */
  readonly path: string;
  readonly userAgent: string;
}

export interface TargetSpec {
  /** The instance id. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly readiness: Readiness;
  /** It was reached where it is now (see `expect`): it is ready without being asked. */
  readonly isReached?: boolean | undefined;
}

/** Where a target will be that is not published yet. */
export type ExpectedTarget = Pick<TargetSpec, 'id' | 'host' | 'port'>;

/** Where the certificate of a service with `tls` comes from. */
export interface Issuance {
  /** From the CA's staging directory: no browser believes it, and no limit of the CA counts it. */
  readonly staging: boolean;
  /** Asked with `?host=…` whether a host may have a certificate (2xx), at its first handshake; null: at once for each host. */
  readonly onDemandUrl: string | null;
  /** A certificate of the operator's own, by its id in the daemon's store; null: Luma orders one. */
  readonly ownCertificateId: string | null;
}

/** What a project is published as. Published again unchanged, it keeps its pools, holds and gate. */
export interface ServiceSpec extends ServiceOptions {
  readonly issuance: Issuance;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly pathPrefixes: readonly string[];
  readonly stripPathPrefix: boolean;
  readonly traffic: 'forward' | 'stopped';
  /** What clients read while it is stopped; left out: that somebody stopped it. */
  readonly stopMessage?: string | undefined;
  readonly holdTimeoutMs: number;
  /** What a request meets while the gate is closed; see ServiceRoute. */
  readonly waitMode: 'hold' | 'page' | 'reject';
  readonly quietRules: readonly QuietRule[];
  /** From the end of the last exchange that is not quiet: then quiet ones are no longer passed on. Null: always. */
  readonly quietAfterMs: number | null;
  readonly responseTimeoutMs: number;
  /** Exchanges that one target may have at once; who finds none free is held. 0: no limit. */
  readonly targetConcurrency: number;
  /**
   * Empty: the gate closes, requests are held and raise `wake`.
   * With targets: those the proxy does not know yet are probed; a closed gate opens when the first one
   * has answered. Targets left out stop getting new exchanges at once, their running ones go on (see `drained`).
   */
  readonly targets: readonly TargetSpec[];
}

/** Read from the board. */
export interface ServiceActivity {
  readonly service: string;
  readonly inFlight: number;
  readonly held: number;
  /** Number of exchanges ended since the proxy first knew the service; only equality means anything. */
  readonly ends: number;
  /** Milliseconds since the END of the last exchange (or since the gate last opened); null before the first. */
  readonly quietForMs: number | null;
}

export type GateState = 'open' | 'closed' | 'fenced' | 'signalled';

/** What the proxy has of this owner's services, sent when a link is made. */
export interface ServiceReport extends ServiceActivity {
  readonly gate: GateState;
  readonly targets: readonly { readonly id: string; readonly state: 'starting' | 'ready' }[];
}

export interface HostConflict {
  readonly service: string;
  readonly host: string;
  /** Who has the host: a service name, and whether a control plane or a client command made it. */
  readonly owner: string;
}

export type FenceResult =
  | { readonly kind: 'fenced'; readonly token: string }
  /** Something is in flight, held or has ended since: the gate is open, as before. */
  | { readonly kind: 'refused'; readonly activity: ServiceActivity };

export interface ProxyLink {
  /** Starts connecting, and re-connects for ever (1 ms growing to 500 ms) until closed. */
  open(listener: ProxyLinkListener): void;
  readonly isConnected: boolean;

  /** All calls reject with LumaError `proxy_unavailable` while not connected or when the link breaks under them. */

  /** One service, whole. Rejects with `host_taken` (details: HostConflict) and then changes nothing. */
  publish(service: ServiceSpec): Promise<void>;
  /** New and held requests get 404; running exchanges go on. Idempotent. */
  remove(service: string): Promise<void>;
  /** First phase of the sleep: `ends` is the number the caller last saw. */
  fence(service: string, ends: number): Promise<FenceResult>;
  /** Second phase: from `accepted` on the gate opens only by this owner. `stale`: the fence is gone, abandon the sleep. */
  signalled(service: string, token: string): Promise<'accepted' | 'stale'>;
  /** Gives a fence up, also a signalled one whose stop was never begun: the gate opens again. Stale tokens are ignored. */
  liftFence(service: string, token: string): Promise<void>;
  /** Answers all held requests with 502, and for `retryAfterMs` each new one; then the next request raises `wake` again. */
  wakeFailed(
    service: string,
    failure: { code: string; message: string; retryAfterMs: number },
  ): Promise<void>;
  /**
   * The target is being thawed, and will be published: workers that hold requests connect to it already, and send nothing. Resolves
   * true when one of them is connected; false when none is within two seconds, or nobody holds.
   */
  expect(service: string, target: ExpectedTarget): Promise<boolean>;
  /** Resolves true when no exchange runs on a target that was left out, false after `timeoutMs`. */
  drained(service: string, targetId: string, timeoutMs: number): Promise<boolean>;

  close(): void;
}

export interface ProxyLinkListener {
  /**
   * The link is up and the proxy says what it has. The listener re-lists its runtimes, reconciles, and returns
   * its snapshot: the whole of what it wants. Services of this owner that are not in it are removed. A snapshot may open,
   * but never closes, a service that has ready targets (publish it after, if it must close).
   */
  onConnected(reports: readonly ServiceReport[]): Promise<readonly ServiceSpec[]>;
  /** The snapshot is in force. A conflict concerns only the service it names. Wakes from now on. */
  onReady(conflicts: readonly HostConflict[]): void;
  onDisconnected(): void;
  /** Requests are held. Repeated after each re-connect while it stays true; may come more than once. */
  onWake(service: string, cause: WakeCause | null): void;
  /** A published target answered for the first time; the gate is open. */
  onAnswered(service: string, targetId: string): void;
  /** The edge could not connect to a ready target. */
  onTargetRefused(service: string, targetId: string, reason: string): void;
  /** The proxy lifted this fence itself: a request came before `signalled`. */
  onFenceLifted(service: string, token: string): void;
  /** Services whose numbers changed since the last report, within 100 ms of the change. */
  onActivity(changed: readonly ServiceActivity[]): void;
}
