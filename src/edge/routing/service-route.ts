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

export interface ServiceRoute {
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
