/**
 * The link's language: every message both ways, with its schema. One JSON object per WebSocket message.
 * Grown only by raising PROTOCOL; a peer of another version is refused by name.
 */
import { z } from 'zod';
import type {
  FenceResult,
  GateState,
  HostConflict,
  ServiceActivity,
  ServiceReport,
} from '../client/contract.ts';
import {
  expectedTargetSchema,
  serviceNameSchema,
  serviceSpecSchema,
  targetIdSchema,
} from '../services/service-schema.ts';

export const LINK_PROTOCOL = 2;

const call = { id: z.int().min(1) };
const service = serviceNameSchema;
const token = z.string().min(1).max(200);

/** What a control plane says. Those with an `id` are answered by `done` or `failed` with the same id. */
export const toProxySchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    protocol: z.int(),
    owner: z.string().min(1).max(200),
    epoch: z.number(),
  }),
  z.strictObject({ type: z.literal('snapshot'), services: z.array(serviceSpecSchema).readonly() }),
  z.strictObject({ type: z.literal('publish'), ...call, service: serviceSpecSchema }),
  z.strictObject({ type: z.literal('remove'), ...call, service }),
  z.strictObject({ type: z.literal('fence'), ...call, service, ends: z.number() }),
  z.strictObject({ type: z.literal('signalled'), ...call, service, token }),
  z.strictObject({ type: z.literal('lift-fence'), ...call, service, token }),
  z.strictObject({
    type: z.literal('wake-failed'),
    ...call,
    service,
    failure: z.strictObject({
      code: z.string().min(1).max(100),
      message: z.string().max(10_000),
      retryAfterMs: z.number().min(0),
    }),
  }),
  z.strictObject({ type: z.literal('expect'), ...call, service, target: expectedTargetSchema }),
  z.strictObject({
    type: z.literal('drained'),
    ...call,
    service,
    targetId: targetIdSchema,
    timeoutMs: z.number().min(0),
  }),
]);

export type ToProxy = z.infer<typeof toProxySchema>;
export type LinkCall = Extract<ToProxy, { id: number }>;

const activity = {
  service,
  inFlight: z.number(),
  held: z.number(),
  ends: z.number(),
  quietForMs: z.number().nullable(),
};

export const activitySchema = z.object(activity) satisfies z.ZodType<ServiceActivity>;

export const gateSchema = z.enum(['open', 'closed', 'fenced', 'signalled']) satisfies z.ZodType<GateState>;

const reportSchema = z.object({
  ...activity,
  gate: gateSchema,
  targets: z.array(z.object({ id: z.string(), state: z.enum(['starting', 'ready']) })).readonly(),
}) satisfies z.ZodType<ServiceReport>;

const conflictSchema = z.object({
  service: z.string(),
  host: z.string(),
  owner: z.string(),
}) satisfies z.ZodType<HostConflict>;

const fenceResultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('fenced'), token: z.string() }),
  z.object({ kind: z.literal('refused'), activity: activitySchema }),
]) satisfies z.ZodType<FenceResult>;

/** What each call is answered with. */
export const resultSchemas = {
  publish: z.null(),
  remove: z.null(),
  fence: fenceResultSchema,
  signalled: z.enum(['accepted', 'stale']),
  'lift-fence': z.null(),
  'wake-failed': z.null(),
  expect: z.boolean(),
  drained: z.boolean(),
} satisfies Record<LinkCall['type'], z.ZodType>;

export type LinkResult<T extends LinkCall['type']> = z.infer<(typeof resultSchemas)[T]>;

export const wireErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});

export type WireError = z.infer<typeof wireErrorSchema>;

/** What the proxy says. */
export const toControlSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), version: z.string(), reports: z.array(reportSchema).readonly() }),
  z.object({ type: z.literal('ready'), conflicts: z.array(conflictSchema).readonly() }),
  z.object({ type: z.literal('rejected'), error: wireErrorSchema }),
  z.object({ type: z.literal('done'), ...call, result: z.unknown() }),
  z.object({ type: z.literal('failed'), ...call, error: wireErrorSchema }),
  z.object({
    type: z.literal('wake'),
    service: z.string(),
    /** Left out by proxies that do not tell it. */
    cause: z.object({ path: z.string(), userAgent: z.string() }).nullish(),
  }),
  z.object({ type: z.literal('answered'), service: z.string(), targetId: z.string() }),
  z.object({
    type: z.literal('target-refused'),
    service: z.string(),
    targetId: z.string(),
    reason: z.string(),
  }),
  z.object({ type: z.literal('fence-lifted'), service: z.string(), token: z.string() }),
  z.object({ type: z.literal('activity'), changed: z.array(activitySchema).readonly() }),
]);

export type ToControl = z.infer<typeof toControlSchema>;
