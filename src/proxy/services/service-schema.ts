/** What a service looks like on the wire and in the state file: one schema for the link, the commands and the file. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseIpRange } from '../../base/ip-range.ts';
import type { QuietRule, ServiceSpec, TargetSpec } from '../client/contract.ts';
import {
  HOSTS_PER_SERVICE_MAX,
  PATH_PREFIXES_PER_SERVICE_MAX,
  QUIET_BODY_CHARACTERS_MAX,
  QUIET_RULES_PER_SERVICE_MAX,
  TARGET_CONCURRENCY_MAX,
  TARGETS_PER_SERVICE_MAX,
} from '../limits.ts';

const TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000;

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

const readinessSchema = z.strictObject({
  kind: z.enum(['connect', 'request']),
  path: z.string().startsWith('/').max(2_048).nullable(),
  timeoutMs: z.number().min(1).max(TIMEOUT_MS_MAX),
});

export const targetSpecSchema = z.strictObject({
  id: targetIdSchema,
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
  readiness: readinessSchema,
}) satisfies z.ZodType<TargetSpec>;

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

export const serviceSpecSchema = z.strictObject({
  name: serviceNameSchema,
  hosts: z.array(hostSchema).max(HOSTS_PER_SERVICE_MAX).readonly(),
  pathPrefixes: z.array(pathPrefixSchema).min(1).max(PATH_PREFIXES_PER_SERVICE_MAX).readonly(),
  stripPathPrefix: z.boolean(),
  traffic: z.enum(['forward', 'stopped']),
  holdTimeoutMs: timeoutMsSchema,
  ...waitingShape,
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
