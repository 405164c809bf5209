/** What client commands say over the management socket, and what they are answered: one schema for both ends. */
import { z } from 'zod';
import {
  DURATION_MS_MAX,
  HOSTS_PER_SERVICE_MAX,
  PATH_PREFIXES_PER_SERVICE_MAX,
  SPLIT_KEY_CHARACTERS_MAX,
  SPLIT_KEYS_MAX,
  STOP_MESSAGE_CHARACTERS_MAX,
  TARGETS_PER_SERVICE_MAX,
} from '../limits.ts';
import { cookieNameSchema, hostSchema, pathPrefixSchema } from '../services/service-schema.ts';
import { certificateStatusSchema } from './certificate-schema.ts';
import { contradictionsIn } from './deploy-contradictions.ts';
import { deployOptionsShape } from './deploy-options-schema.ts';
import { serviceStatusSchema } from './status-schema.ts';

const durationMs = z
  .number('a number of milliseconds')
  .min(0, 'a duration is not negative')
  .max(DURATION_MS_MAX, 'a duration is at most a day');
const positiveMs = durationMs.min(1, 'a duration of at least a millisecond');

/** `10.0.0.5:3000`, `[::1]:3000`, `web:3000`. */
const TARGET_PATTERN =
  /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?)):([0-9]{1,5})$/;

export function parseTarget(text: string): { host: string; port: number } | null {
  const [, v6, name, digits] = TARGET_PATTERN.exec(text) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? null : { host: host.toLowerCase(), port };
}

const targetSchema = z.string().refine((text) => parseTarget(text) !== null, {
  error: 'a target is an address with its port: 10.0.0.5:3000',
});

const hostPatternSchema = z
  .string()
  .transform((host) => (host === '*' ? '' : host.toLowerCase()))
  .refine((host) => hostSchema.safeParse(host).success, {
    error:
      'a host is a host name without a port, `*.example.com`, or `*` for every host that nobody else has',
  });

const healthCheckSchema = z.strictObject({
  path: z.string().startsWith('/', 'a health check path begins with `/`').max(2_048).nullable().default(null),
  interval_ms: positiveMs.optional(),
  timeout_ms: positiveMs.optional(),
  port: z.int().min(1).max(65_535).nullable().default(null),
  host: z
    .string()
    .regex(/^[A-Za-z0-9._:[\]-]{1,253}$/, 'a health check host is a host name')
    .nullable()
    .default(null),
});

const deployShape = z.strictObject({
  hosts: z
    .array(hostPatternSchema)
    .min(1, 'a service has at least one host; `*` is every host')
    .max(HOSTS_PER_SERVICE_MAX),
  targets: z.array(targetSchema).min(1, 'a service has at least one target').max(TARGETS_PER_SERVICE_MAX),
  path_prefixes: z.array(pathPrefixSchema).min(1).max(PATH_PREFIXES_PER_SERVICE_MAX).default(['/']),
  strip_path_prefix: z.boolean().default(false),
  /** 0: no limit. */
  response_timeout_ms: durationMs.default(0),
  health_check: healthCheckSchema.default({ path: null, port: null, host: null }),
  deploy_timeout_ms: positiveMs.optional(),
  drain_timeout_ms: durationMs.optional(),
  ...deployOptionsShape,
  /** Without a health check. */
  force: z.boolean().default(false),
});

/** `PUT /v1/services/{name}`: the service, whole. What is left out is as if it had never been said. */
export const deploySchema = deployShape.superRefine((wanted, context) => {
  for (const { path, message } of contradictionsIn(wanted))
    context.addIssue({ code: 'custom', path: [...path], message });
});
export type DeployRequest = z.input<typeof deploySchema>;
export type ReadDeploy = z.output<typeof deploySchema>;

export const deployedSchema = z.object({
  service: serviceStatusSchema,
  /** Addresses that left the service, and are quiet. */
  replaced: z.array(z.string()),
  /** Exchanges that had not ended when the drain timeout did. */
  cut: z.number(),
  /** Of its hosts, those that HTTPS does not work for yet. */
  uncertified: z.array(certificateStatusSchema),
});
export type Deployed = z.infer<typeof deployedSchema>;

/** `DELETE /v1/services/{name}?host=…`. */
export const removeSchema = z.strictObject({ drain_timeout_ms: durationMs.optional() });
export type RemoveRequest = z.input<typeof removeSchema>;
export const removedSchema = z.object({
  service: serviceStatusSchema.nullable(),
  cut: z.number(),
});
export type Removed = z.infer<typeof removedSchema>;

export const pauseSchema = z.strictObject({
  max_pause_ms: positiveMs.optional(),
  drain_timeout_ms: durationMs.optional(),
});
export type PauseRequest = z.input<typeof pauseSchema>;

export const stopSchema = z.strictObject({
  message: z.string().max(STOP_MESSAGE_CHARACTERS_MAX, 'a message has at most 1000 characters').default(''),
  drain_timeout_ms: durationMs.optional(),
});
export type StopRequest = z.input<typeof stopSchema>;

export const resumeSchema = z.strictObject({});

/** `PUT /v1/services/{name}/rollout`: targets beside the service's own; nobody is sent there before a share is set. */
export const rolloutDeploySchema = z.strictObject({
  targets: z.array(targetSchema).min(1, 'a rollout has at least one target').max(TARGETS_PER_SERVICE_MAX),
  deploy_timeout_ms: positiveMs.optional(),
  drain_timeout_ms: durationMs.optional(),
  force: z.boolean().default(false),
});
export type RolloutDeployRequest = z.input<typeof rolloutDeploySchema>;
export type ReadRolloutDeploy = z.output<typeof rolloutDeploySchema>;

/** `PATCH /v1/services/{name}/rollout`: what is left out stays. */
export const rolloutSetSchema = z.strictObject({
  percent: z.number().min(0, 'a percentage from 0 to 100').max(100, 'a percentage from 0 to 100').optional(),
  list: z
    .array(z.string().min(1, 'an empty value is nobody’s').max(SPLIT_KEY_CHARACTERS_MAX))
    .max(SPLIT_KEYS_MAX)
    .optional(),
  cookie: cookieNameSchema.optional(),
});
export type RolloutSetRequest = z.input<typeof rolloutSetSchema>;

/** `DELETE /v1/services/{name}/rollout`. */
export const rolloutStopSchema = z.strictObject({ drain_timeout_ms: durationMs.optional() });
export type RolloutStopRequest = z.input<typeof rolloutStopSchema>;

/** `PUT /v1/options`: null puts one back to what Luma takes without a word; one that is left out stays. */
export const optionsSchema = z.strictObject({
  deploy_timeout_ms: positiveMs.nullable().optional(),
  drain_timeout_ms: durationMs.nullable().optional(),
  max_pause_ms: positiveMs.nullable().optional(),
  lets_encrypt_email: z.email('an e-mail address, such as ops@example.com').max(320).nullable().optional(),
});
export type OptionsRequest = z.input<typeof optionsSchema>;

/** As they are in force. */
export const optionsStatusSchema = z.object({
  deploy_timeout_ms: z.number(),
  drain_timeout_ms: z.number(),
  max_pause_ms: z.number(),
  /** Null: none was set. */
  lets_encrypt_email: z.string().nullable(),
});
export type OptionsStatus = z.infer<typeof optionsStatusSchema>;
