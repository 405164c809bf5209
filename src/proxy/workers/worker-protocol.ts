/**
 * What the daemon and a worker say to each other: one JSON object per line over the daemon's worker socket.
 * A worker that outlives its daemon says the same to the next one, so WORKER_PROTOCOL guards every change.
 */
import { z } from 'zod';
import type { AcmeChallenge, CertificateChange, EdgeCertificate } from '../../edge/index.ts';
import type { RouteChange, ServiceRoute } from '../../edge/routing/service-route.ts';
import type { ExpectedTarget, Issuance } from '../client/contract.ts';
import type { Deployment } from '../services/deployment.ts';
import { deploymentSchema } from '../services/deployment.ts';
import { issuanceSchema, optionsShape, sharingShape, waitingShape } from '../services/service-schema.ts';

/** A service as workers keep it: with its owner, so that a daemon that lost everything learns all from a worker. */
export interface OwnedRoute extends ServiceRoute {
  readonly owner: string;
  /** What client commands made of it; null for a control plane's. */
  readonly deployment: Deployment | null;
  readonly issuance: Issuance;
}

export interface OwnedChange extends RouteChange {
  readonly put: readonly OwnedRoute[];
}

const service = z.string().min(1).max(200);
const targetId = z.string().min(1).max(200);

const ownedRouteSchema = z.object({
  owner: z.string(),
  deployment: deploymentSchema.nullable(),
  name: z.string(),
  row: z.int(),
  hosts: z.array(z.string()).readonly(),
  pathPrefixes: z.array(z.string()).readonly(),
  stripPathPrefix: z.boolean(),
  traffic: z.enum(['forward', 'paused', 'stopped']),
  stopMessage: z.string().optional(),
  holdTimeoutMs: z.number(),
  ...waitingShape,
  ...optionsShape,
  ...sharingShape,
  issuance: issuanceSchema,
  responseTimeoutMs: z.number(),
  targetConcurrency: z.int().default(0),
  targets: z
    .array(
      z.object({
        id: z.string(),
        row: z.int(),
        host: z.string(),
        port: z.int(),
        state: z.enum(['starting', 'ready']),
        readiness: z.object({
          kind: z.enum(['connect', 'request']),
          path: z.string().nullable(),
          timeoutMs: z.number(),
          port: z.int().optional(),
          headers: z.record(z.string(), z.string()).optional(),
          periodMs: z.number().optional(),
        }),
      }),
    )
    .readonly(),
}) satisfies z.ZodType<OwnedRoute>;

/** Validated: a worker parses strangers' bytes all day, and the daemon decides. */
export const toDaemonSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    protocol: z.int(),
    version: z.string(),
    pid: z.int().min(1),
    column: z.int().min(0),
    /** The board it counts on, by the number of its file. */
    board: z.number(),
    /** The daemon whose table it has; null while it has none. */
    daemon: z.string().nullable(),
    generation: z.int().min(0),
    /** It has stopped accepting and has no listening socket to hand over. */
    isDraining: z.boolean(),
  }),
  /** It accepts connections. */
  z.object({ type: z.literal('serving') }),
  z.object({ type: z.literal('ack'), generation: z.int().min(0) }),
  /** It serves by the certificates, and answers the challenges, of this version or a newer one. */
  z.object({ type: z.literal('certified'), version: z.int().min(0) }),
  /** `cause`: of the request that is held first. */
  z.object({
    type: z.literal('wake'),
    service,
    cause: z.object({ path: z.string().max(200), userAgent: z.string().max(200) }).nullable(),
  }),
  /** Handshakes wait for a certificate of this host: `certificate-answer` ends that. */
  z.object({ type: z.literal('certificate-wanted'), host: z.string().min(1).max(253) }),
  /** `generation`: of its route table when the target answered. */
  z.object({
    type: z.literal('answered'),
    service,
    targetId,
    generation: z.int().min(0),
    afterMs: z.number(),
  }),
  /** It is connected to a target that it was told to expect. */
  z.object({ type: z.literal('reached'), service, targetId }),
  z.object({ type: z.literal('refused'), service, targetId, reason: z.string().max(1_000) }),
  /** Requests that other workers hold may have a slot. */
  z.object({ type: z.literal('slot-released'), service }),
  /** What it has counted since it said so last. */
  z.object({
    type: z.literal('counts'),
    clients: z.int().min(0),
    services: z
      .array(
        z.object({ service: z.string().max(200), counts: z.record(z.string().max(100), z.number().min(0)) }),
      )
      .readonly(),
  }),
  /** An orphan's whole table, for a daemon that has none newer. */
  z.object({
    type: z.literal('table'),
    generation: z.int(),
    services: z.array(ownedRouteSchema).readonly(),
    /** How many of the sockets that it hands over, the last ones, are for TLS. */
    tlsListeners: z.int().min(0),
  }),
  /** It was told by a signal to end: another one is needed in its place. */
  z.object({ type: z.literal('leaving') }),
  z.object({ type: z.literal('drained'), cut: z.int().min(0) }),
]);
export type ToDaemon = z.infer<typeof toDaemonSchema>;

/** Not validated: the daemon is the worker's own, over a socket in a directory that only it can enter. */
export type ToWorker =
  /** The whole table: what is not in it is gone. */
  | {
      readonly type: 'table';
      readonly daemon: string;
      readonly generation: number;
      readonly services: readonly OwnedRoute[];
    }
  | { readonly type: 'change'; readonly change: OwnedChange }
  | { readonly type: 'opened'; readonly service: string }
  | { readonly type: 'closed'; readonly service: string }
  /** It is being thawed: who holds requests connects to it already, and sends nothing. */
  | { readonly type: 'expect'; readonly service: string; readonly target: ExpectedTarget }
  /** Who waits for a slot of a target looks again. */
  | { readonly type: 'slot-released'; readonly service: string }
  | { readonly type: 'refuse'; readonly service: string; readonly failure: HoldFailure }
  /** Ends what still runs on targets that left: the time to drain is over. */
  | { readonly type: 'cut'; readonly service: string; readonly targetIds: readonly string[] }
  | CertificateOrder
  /** There is a certificate for this host by now, or there is to be none. */
  | { readonly type: 'certificate-answer'; readonly host: string }
  | { readonly type: 'drain'; readonly timeoutMs: number; readonly idleMs: number }
  /** To an orphan: say your table, and hand over the listening sockets and the board to this path. */
  | { readonly type: 'surrender'; readonly path: string };

/** Acknowledged with `certified`; versions are the daemon's, and grow. */
export type CertificateOrder =
  /** All there are: what is not among them is gone. Comes before the first table. */
  | {
      readonly type: 'certificates';
      readonly version: number;
      readonly certificates: readonly EdgeCertificate[];
      readonly challenges: readonly AcmeChallenge[];
    }
  | { readonly type: 'certificate-change'; readonly version: number; readonly change: CertificateChange }
  | {
      readonly type: 'challenge';
      readonly version: number;
      readonly challenge: AcmeChallenge;
      readonly isWithdrawn: boolean;
    };

/** What held requests are answered with. */
export interface HoldFailure {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number;
}
