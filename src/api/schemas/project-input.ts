/** What people may send about a project, as schemas: they validate, and OpenAPI is generated from them. */
import { z } from '@hono/zod-openapi';
import {
  COMMAND_PART_BYTES_MAX,
  COMMAND_PARTS_MAX,
  DURATION_MIN_MS,
  ENV_VARS_MAX,
  HEALTH_CHECK_TIMEOUT_MAX_MS,
  HOSTNAMES_MAX,
  IDLE_TIMEOUT_MAX_MS,
  PATH_CHARACTERS_MAX,
  STOP_TIMEOUT_MAX_MS,
  WAKE_TIMEOUT_MAX_MS,
} from '../limits.ts';
import { isDurationWithin } from '../rules/duration-range.ts';
import { checkEnvName, ENV_NAME_PATTERN, envValueRules } from '../rules/environment.ts';
import { checkHostname } from '../rules/hostname.ts';
import { checkImageReference, IMAGE_REFERENCE_PATTERN } from '../rules/image-reference.ts';
import { checkOriginForm } from '../rules/origin-form.ts';
import { checkProjectName, PROJECT_NAME_PATTERN } from '../rules/project-name.ts';
import { hasAtMostBytes, hasNoNul, problem, type TextRule, textThat } from '../rules/rule.ts';
import { keepingShape } from './keeping-input.ts';
import { probesSchema } from './probes-input.ts';
import { routeShape } from './route-input.ts';
import { scalingShape } from './scaling-input.ts';
import { quietRulesSchema, waitModeSchema } from './waiting-input.ts';

export const nameSchema = textThat(checkProjectName).openapi({
  description: 'A DNS label, unique in the installation; it cannot be changed.',
  pattern: PROJECT_NAME_PATTERN,
  example: 'my-nginx-app',
});

const hostnameSchema = textThat(checkHostname).openapi({
  description: 'A hostname, or a one-level wildcard such as `*.example.com`. It belongs to one project.',
  maxLength: 255,
  example: 'myapp.localhost',
});

const hostnamesSchema = z
  .array(hostnameSchema)
  .min(1, 'must have at least one hostname')
  .max(HOSTNAMES_MAX, `must have at most ${HOSTNAMES_MAX} hostnames`)
  .superRefine(refuseRepeated)
  .openapi({ description: 'All hostnames; the first is the primary one.' });

const envVarsSchema = z
  .record(textThat(checkEnvName).openapi({ pattern: ENV_NAME_PATTERN }), textThat(...envValueRules))
  .refine((variables) => Object.keys(variables).length <= ENV_VARS_MAX, {
    error: `must have at most ${ENV_VARS_MAX} variables`,
    params: { code: 'too_many' },
  })
  .openapi({
    description: 'Environment variables. PORT, K_* and LUMA_* are set by Luma and refused here.',
    example: { APP_ENV: 'development' },
  });

const partsSchema = z
  .array(textThat(hasNoNul, hasAtMostBytes(COMMAND_PART_BYTES_MAX)))
  .min(1, 'must have at least one part')
  .max(COMMAND_PARTS_MAX, `must have at most ${COMMAND_PARTS_MAX} parts`)
  .refine((parts) => parts[0] !== '', { error: 'must begin with a program', params: { code: 'required' } });

const isAbsolutePath: TextRule = (text) =>
  text.startsWith('/') ? null : problem('not_a_path', 'must be an absolute path');

const duration = (rule: TextRule, description: string, standard: string) =>
  textThat(rule).openapi({ description: `${description} Default \`${standard}\`.`, example: standard });

const healthCheckSchema = z.strictObject({
  path: textThat(checkOriginForm).openapi({
    description: 'Ready means a 2xx answer here.',
    example: '/healthz',
  }),
  timeout: duration(
    isDurationWithin(DURATION_MIN_MS, HEALTH_CHECK_TIMEOUT_MAX_MS),
    'One attempt.',
    '5s',
  ).nullish(),
});

export const settingsShape = {
  docker_image: textThat(checkImageReference)
    .openapi({
      description: 'The image. With the process runtime `command` takes its place.',
      pattern: IMAGE_REFERENCE_PATTERN,
      example: 'nginxdemos/hello',
    })
    .nullish(),
  env_vars: envVarsSchema.nullish(),
  container_port: z
    .int()
    .min(1)
    .max(65_535)
    .openapi({
      description: 'The port the app listens on. Default: the one Luma tells it in PORT.',
      example: 80,
    })
    .nullish(),
  hostname: hostnameSchema.nullish(),
  hostnames: hostnamesSchema.nullish(),
  command: partsSchema
    .openapi({ description: 'Arguments, or with the process runtime the program.' })
    .nullish(),
  entrypoint: partsSchema.openapi({ description: "Takes the place of the image's entrypoint." }).nullish(),
  working_dir: textThat(hasNoNul, hasAtMostBytes(PATH_CHARACTERS_MAX), isAbsolutePath)
    .openapi({ description: 'Where the program starts.', example: '/srv/app' })
    .nullish(),
  idle_timeout: duration(
    isDurationWithin(DURATION_MIN_MS, IDLE_TIMEOUT_MAX_MS, 'never'),
    'From the end of the last request to sleep; `never` keeps it awake.',
    '20s',
  ).nullish(),
  wake_timeout: duration(
    isDurationWithin(DURATION_MIN_MS, WAKE_TIMEOUT_MAX_MS),
    'How long a request waits for a wake; longer than `stop_timeout`.',
    '60s',
  ).nullish(),
  wait_mode: waitModeSchema.nullish(),
  quiet_rules: quietRulesSchema.nullish(),
  ...routeShape,
  ...scalingShape,
  ...keepingShape,
  stop_timeout: duration(
    isDurationWithin(0, STOP_TIMEOUT_MAX_MS),
    'From the stop signal to the kill.',
    '10s',
  ).nullish(),
  health_check: healthCheckSchema
    .openapi({
      description: 'The short form of a startup probe. Without one, an open port is ready.',
    })
    .nullish(),
  probes: probesSchema.nullish(),
};

export const createProjectSchema = z
  .strictObject({ name: nameSchema, ...settingsShape })
  .openapi('CreateProject', {
    description: '`hostname` or `hostnames`, and `docker_image` or `command`, are required.',
  });

export const putProjectSchema = z
  .strictObject({ name: nameSchema.optional(), ...settingsShape })
  .openapi('PutProject', { description: 'As CreateProject; the name is that of the path.' });

export const patchProjectSchema = z
  .strictObject({ name: nameSchema.optional(), ...settingsShape })
  .openapi('PatchProject', {
    description:
      'Only what is given changes. A field given is replaced whole; null resets it to its default.',
  });

export type SettingsInput = Omit<z.output<typeof putProjectSchema>, 'name'>;
export type CreateProjectInput = z.output<typeof createProjectSchema>;
export type PutProjectInput = z.output<typeof putProjectSchema>;

function refuseRepeated(hostnames: readonly string[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, hostname] of hostnames.entries()) {
    const lower = hostname.toLowerCase();
    if (seen.has(lower)) {
      context.addIssue({
        code: 'custom',
        path: [index],
        message: 'is given twice',
        params: { code: 'duplicate' },
      });
    }
    seen.add(lower);
  }
}
