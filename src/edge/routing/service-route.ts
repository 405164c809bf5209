/**
 * The immutable routes a worker serves by. The daemon makes them, workers hold copies and never change them.
 * All fields are plain data: they cross the worker protocol as JSON.
 */

/** How the edge knows that the app of a new target answers. */
export interface Readiness {
  /** `connect`: a TCP connection is enough. `request`: an HTTP answer is needed (any status, or 2xx where `path` is set). */
  readonly kind: 'connect' | 'request';
  /** Origin-form path of the health check; null where there is none (`request` then asks for `/`). */
  readonly path: string | null;
  /** One attempt, milliseconds. */
  readonly timeoutMs: number;
  /** Asked there instead of at the target's own port. */
  readonly port?: number | undefined;
  /** Sent with a `request`; a `Host` takes the place of the target's address. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The longest pause between two attempts at a start that takes long; left out: 10 ms. */
  readonly periodMs?: number | undefined;
}

export interface TargetRoute {
  /** Unique for ever within its service: the instance id. */
  readonly id: string;
  /** Row on the board. */
  readonly row: number;
  readonly host: string;
  readonly port: number;
  /** `starting`: whoever holds requests for the service probes it. Only `ready` ones are chosen. */
  readonly state: 'starting' | 'ready';
  readonly readiness: Readiness;
}

/** Names requests that neither wake nor keep awake. Every condition that is not null must hold. */
export interface QuietRule {
  /** The whole path, or its beginning where it ends in `*`. */
  readonly path: string | null;
  readonly methods: readonly string[] | null;
  /** A part of the User-Agent, in upper or lower case. */
  readonly userAgent: string | null;
  /** An address or a CIDR range that holds the client's. */
  readonly client: string | null;
  /** What they get while no target may be asked. */
  readonly answer: { readonly status: number; readonly body: string };
}

/** HTTPS for the hosts of a service. Which certificate is the daemon's business. */
export interface TlsOptions {
  /** Plain HTTP is sent on to HTTPS with 308; ACME challenges excepted. */
  readonly redirect: boolean;
  /** `max-age` of Strict-Transport-Security, seconds; 0: none is sent. */
  readonly hstsSeconds: number;
}

/** A share of a service's requests, and the targets they go to. */
export interface TrafficGroup {
  readonly name: string;
  /** 0 to 100; those of all groups make 100. */
  readonly percent: number;
  readonly targetIds: readonly string[];
  /** Values of the sticky cookie that belong here whatever the percentages. */
  readonly keys: readonly string[];
}

/** Which share of the requests goes where. A group of which no target is ready gives way to the others. */
export interface TrafficSplit {
  readonly groups: readonly TrafficGroup[];
  /**
   * Of who has this cookie, its value decides: the same one always goes to the same group, and as little as possible
   * moves when percentages do. Who has none is given one. Null: each request by itself.
   */
  readonly stickyCookie: string | null;
}

/** Another service, and which part of a service's requests it serves: at its own gate, with its own holds and targets. */
export interface Lane {
  readonly service: string;
  /** 0 to 100; what those of all lanes leave of 100 stays with the service itself. */
  readonly percent: number;
  /** Hosts of the service whose requests are all the lane's, beside its percentage of the others. */
  readonly hosts: readonly string[];
}

/** A service whose requests are shared out among services. A lane that is not there leaves its part to the service. */
export interface LaneSplit {
  readonly lanes: readonly Lane[];
  /** As that of a TrafficSplit. */
  readonly stickyCookie: string | null;
  /** Hosts of the service whose requests stay with it, whatever the percentages. */
  readonly ownHosts: readonly string[];
}

/** What is spoken with targets: `h2c` is HTTP/2 without TLS and without asking, which gRPC needs. */
export type TargetProtocol = 'http1' | 'h2c';

/** What may be said of a service beyond where it is and where it goes. */
export interface ServiceOptions {
  readonly tls: TlsOptions | null;
  /** `X-Forwarded-*` that the client sent are passed on and appended to, instead of replaced. Luma believes none of it. */
  readonly forwardHeaders: boolean;
  /** Requests for other hosts of the service are sent on to this one with 308. */
  readonly canonicalHost: string | null;
  /** The daemon's file with pages for answers of the edge's own. */
  readonly errorPages: string | null;
  /** Lower case. Where a trusted proxy names the client; null: in `X-Forwarded-For` or `Forwarded`. */
  readonly clientIpHeader: string | null;
  /** Beyond: 413. 0: no limit. */
  readonly maxRequestBodyBytes: number;
  /** A target gets a request only when its body has come whole. */
  readonly bufferRequests: boolean;
  /** A target is free when it has said its answer, however slowly the client takes it. */
  readonly bufferResponses: boolean;
  readonly targetProtocol: TargetProtocol;
  /** Paths, with what is below them, that metrics leave out. */
  readonly excludeMetricsPaths: readonly string[];
  readonly split: TrafficSplit | null;
  readonly laneSplit: LaneSplit | null;
  /** The cookie that keeps a client with the target that it had first; null: none. */
  readonly affinityCookie: string | null;
}

/** Of a service of which nothing was said. */
export const PLAIN_OPTIONS: ServiceOptions = {
  tls: null,
  forwardHeaders: false,
  canonicalHost: null,
  errorPages: null,
  clientIpHeader: null,
  maxRequestBodyBytes: 0,
  bufferRequests: false,
  bufferResponses: false,
  targetProtocol: 'http1',
  excludeMetricsPaths: [],
  split: null,
  laneSplit: null,
  affinityCookie: null,
};

export interface ServiceRoute extends ServiceOptions {
  readonly name: string;
  /** Row on the board. */
  readonly row: number;
  /** Lower case, without port. `*.example.com` is one level; `''` is the catch-all. */
  readonly hosts: readonly string[];
  /** Each starts with `/`; `/` alone is everything. The longest match wins. */
  readonly pathPrefixes: readonly string[];
  readonly stripPathPrefix: boolean;
  /** `stopped`: 503 at once. `forward`: hold while the gate is closed. `paused`: the same, and its gate is kept closed. */
  readonly traffic: 'forward' | 'paused' | 'stopped';
  /** What clients read while it is stopped; absent: a sentence of the edge's own. */
  readonly stopMessage?: string | undefined;
  /** How long a request is held, milliseconds. */
  readonly holdTimeoutMs: number;
  /** What a request meets while the gate is closed: `page` concerns browsers, all else is held; `reject` is 503 at once. */
  readonly waitMode: 'hold' | 'page' | 'reject';
  /** The first that matches counts. */
  readonly quietRules: readonly QuietRule[];
  /** From the end of the last exchange that is not quiet: then quiet ones are no longer passed on. Null: always. */
  readonly quietAfterMs: number | null;
  /** Until the response head, milliseconds; 0 = no limit. */
  readonly responseTimeoutMs: number;
  /** Exchanges that one target may have at once, over all workers; who finds none free is held. 0: no limit. */
  readonly targetConcurrency: number;
  readonly targets: readonly TargetRoute[];
}

/** A change of the table; `generation` grows by one with each. A full table is a change from nothing. */
export interface RouteChange {
  readonly generation: number;
  readonly put: readonly ServiceRoute[];
  readonly remove: readonly string[];
}
