/** What a service looks like on the wire and in the state file: one schema for the link, the commands and the file. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseIpRange } from '../../base/ip-range.ts';
import type { LaneSplit, TrafficSplit } from '../../edge/routing/service-route.ts';
import type { Issuance, QuietRule, ServiceSpec, TargetSpec } from '../client/contract.ts';
import { PLAIN_ISSUANCE } from '../client/plain-options.ts';
import {
  EXCLUDED_PATHS_MAX,
  HOSTS_PER_SERVICE_MAX,
  HSTS_SECONDS_MAX,
  PATH_PREFIXES_PER_SERVICE_MAX,
  QUIET_BODY_CHARACTERS_MAX,
  QUIET_RULES_PER_SERVICE_MAX,
  SPLIT_GROUPS_MAX,
  SPLIT_KEY_CHARACTERS_MAX,
  SPLIT_KEYS_MAX,
  STOP_MESSAGE_CHARACTERS_MAX,
  TARGET_CONCURRENCY_MAX,
  TARGETS_PER_SERVICE_MAX,
} from '../limits.ts';

const TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000;

/** A field name (RFC 9110 §5.6.2) as it is compared. */
const LOWER_CASE_TOKEN = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

export const serviceNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
    'a service name has 1 to 128 letters, digits, `.`, `_` or `-` and begins with a letter or digit',
  );

export const targetIdSchema = z.string().min(1).max(200);

/** Lower case, without a port; `*.` stands for one level; empty is the catch-all. */
export const hostSchema = z
  .string()
  .max(253)
  .refine((host) => host === '' || isHostPattern(host), {
    error: 'a host is a lower-case host name without a port, `*.example.com`, or empty for every host',
  });

export const pathPrefixSchema = z.string().min(1).max(1_024).startsWith('/', 'a path prefix begins with `/`');

const timeoutMsSchema = z.number().min(0).max(TIMEOUT_MS_MAX);

/** They are written into a request as they are. */
const probeHeadersSchema = z.record(
  z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}$/, 'not a header name'),
  z
    .string()
    .max(2_048)
    .regex(/^[\t\x20-\x7e]*$/, 'not printable'),
);

const readinessSchema = z.strictObject({
  kind: z.enum(['connect', 'request']),
  path: z.string().startsWith('/').max(2_048).nullable(),
  timeoutMs: z.number().min(1).max(TIMEOUT_MS_MAX),
  port: z.int().min(1).max(65_535).optional(),
  headers: probeHeadersSchema.optional(),
  periodMs: z.number().min(1).max(TIMEOUT_MS_MAX).optional(),
});

export const targetSpecSchema = z.strictObject({
  id: targetIdSchema,
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
  readiness: readinessSchema,
  isReached: z.boolean().optional(),
}) satisfies z.ZodType<TargetSpec>;

export const expectedTargetSchema = targetSpecSchema.pick({ id: true, host: true, port: true });

const quietRuleSchema = z
  .strictObject({
    path: z.string().min(1).max(4_096).nullable(),
    methods: z.array(z.string().min(1).max(40)).min(1).max(20).readonly().nullable(),
    userAgent: z.string().min(1).max(200).nullable(),
    client: z
      .string()
      .refine((text) => parseIpRange(text) !== null, { error: 'a client is an address or a CIDR range' })
      .nullable(),
    answer: z.strictObject({
      status: z.int().min(200).max(599),
      body: z.string().max(QUIET_BODY_CHARACTERS_MAX),
    }),
  })
  .refine((rule) => [rule.path, rule.methods, rule.userAgent, rule.client].some((part) => part !== null), {
    error: 'a quiet rule has at least one condition',
  }) satisfies z.ZodType<QuietRule>;

/** Services published or saved before these existed are held for, and know no quiet rules. */
export const waitingShape = {
  waitMode: z.enum(['hold', 'page', 'reject']).default('hold'),
  quietRules: z.array(quietRuleSchema).max(QUIET_RULES_PER_SERVICE_MAX).readonly().default([]),
  quietAfterMs: z.number().min(0).nullable().default(null),
};

/** In what was published or saved before these existed, nothing is said of them. */
export const optionsShape = {
  tls: z
    .strictObject({ redirect: z.boolean(), hstsSeconds: z.int().min(0).max(HSTS_SECONDS_MAX) })
    .readonly()
    .nullable()
    .default(null),
  forwardHeaders: z.boolean().default(false),
  canonicalHost: hostSchema.min(1).nullable().default(null),
  errorPages: z.string().startsWith('/').max(4_096).nullable().default(null),
  clientIpHeader: z.string().regex(LOWER_CASE_TOKEN).max(100).nullable().default(null),
  maxRequestBodyBytes: z.int().min(0).default(0),
  bufferRequests: z.boolean().default(false),
  bufferResponses: z.boolean().default(false),
  targetProtocol: z.enum(['http1', 'h2c']).default('http1'),
  excludeMetricsPaths: z.array(pathPrefixSchema).max(EXCLUDED_PATHS_MAX).readonly().default([]),
};

export const issuanceSchema = z
  .strictObject({
    staging: z.boolean(),
    onDemandUrl: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .nullable(),
    ownCertificateId: z.string().min(1).max(200).nullable(),
  })
  .readonly()
  .default(PLAIN_ISSUANCE) satisfies z.ZodType<Issuance>;

export const cookieNameSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, {
  error: 'a cookie name has 1 to 64 letters, digits, `_` or `-`',
});

const splitSchema = z
  .strictObject({
    groups: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(128),
          percent: z.number().min(0).max(100),
          targetIds: z.array(targetIdSchema).max(TARGETS_PER_SERVICE_MAX).readonly(),
          keys: z.array(z.string().min(1).max(SPLIT_KEY_CHARACTERS_MAX)).max(SPLIT_KEYS_MAX).readonly(),
        }),
      )
      .min(1)
      .max(SPLIT_GROUPS_MAX)
      .refine((groups) => Math.abs(groups.reduce((sum, { percent }) => sum + percent, 0) - 100) < 0.001, {
        error: 'the percentages of all groups make 100',
      })
      .readonly(),
    stickyCookie: cookieNameSchema.nullable(),
  })
  .nullable() satisfies z.ZodType<TrafficSplit | null>;

const laneSplitSchema = z
  .strictObject({
    lanes: z
      .array(
        z.strictObject({
          service: serviceNameSchema,
          percent: z.number().min(0).max(100),
          hosts: z.array(hostSchema).max(HOSTS_PER_SERVICE_MAX).readonly(),
        }),
      )
      .min(1)
      .max(SPLIT_GROUPS_MAX)
      .refine((lanes) => lanes.reduce((sum, { percent }) => sum + percent, 0) < 100.001, {
        error: 'the percentages of all lanes make at most 100',
      })
      .readonly(),
    stickyCookie: cookieNameSchema.nullable(),
    ownHosts: z.array(hostSchema).max(HOSTS_PER_SERVICE_MAX).readonly(),
  })
  .nullable() satisfies z.ZodType<LaneSplit | null>;

/** How requests are shared out among targets and services. */
export const sharingShape = {
  split: splitSchema.default(null),
  laneSplit: laneSplitSchema.default(null),
  affinityCookie: cookieNameSchema.nullable().default(null),
};

export const serviceSpecSchema = z.strictObject({
  name: serviceNameSchema,
  hosts: z.array(hostSchema).max(HOSTS_PER_SERVICE_MAX).readonly(),
  pathPrefixes: z.array(pathPrefixSchema).min(1).max(PATH_PREFIXES_PER_SERVICE_MAX).readonly(),
  stripPathPrefix: z.boolean(),
  traffic: z.enum(['forward', 'stopped']),
  stopMessage: z.string().max(STOP_MESSAGE_CHARACTERS_MAX).optional(),
  holdTimeoutMs: timeoutMsSchema,
  ...waitingShape,
  ...optionsShape,
  ...sharingShape,
  issuance: issuanceSchema,
  responseTimeoutMs: timeoutMsSchema,
  // Absent in what was saved before there was a limit.
  targetConcurrency: z.int().min(0).max(TARGET_CONCURRENCY_MAX).default(0),
  targets: z
    .array(targetSpecSchema)
    .max(TARGETS_PER_SERVICE_MAX)
    .refine((targets) => new Set(targets.map((target) => target.id)).size === targets.length, {
      error: 'two targets have the same id',
    })
    .readonly(),
}) satisfies z.ZodType<ServiceSpec>;

function isHostPattern(host: string): boolean {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return !host.startsWith('*.');
  return name.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
}
