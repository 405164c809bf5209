/** What people may say about probes, as schemas: one check each, and Cloud Run's fields. */
import { z } from '@hono/zod-openapi';
import { parseDuration } from '../../base/duration.ts';
import { PROBE_DEFAULTS } from '../../domain/probe.ts';
import {
  COMMAND_PART_BYTES_MAX,
  DURATION_MIN_MS,
  PROBE_COMMAND_PARTS_MAX,
  PROBE_HEADERS_MAX,
  PROBE_INITIAL_DELAY_MAX_MS,
  PROBE_PERIOD_MAX_MS,
  PROBE_PERIOD_MIN_MS,
  PROBE_THRESHOLD_MAX,
} from '../limits.ts';
import { isDurationWithin } from '../rules/duration-range.ts';
import { checkOriginForm } from '../rules/origin-form.ts';
import { checkProbeHeaderName, checkProbeHeaderValue } from '../rules/probe-header.ts';
import { hasAtMostBytes, hasNoNul, textThat } from '../rules/rule.ts';

const portSchema = z
  .int()
  .min(1)
  .max(65_535)
  .openapi({ description: 'Default: the port the app listens on.', example: 9090 });

const checkShape = {
  http_get: z
    .strictObject({
      path: textThat(checkOriginForm).openapi({
        description: 'Well means a 2xx answer here; redirects are not followed.',
        example: '/healthz',
      }),
      port: portSchema.nullish(),
      headers: z
        .record(textThat(checkProbeHeaderName), textThat(checkProbeHeaderValue))
        .refine((headers) => Object.keys(headers).length <= PROBE_HEADERS_MAX, {
          error: `must have at most ${PROBE_HEADERS_MAX} headers`,
          params: { code: 'too_many' },
        })
        .nullish()
        .openapi({ description: 'Sent with each request.', example: { Host: 'my-app' } }),
    })
    .nullish(),
  tcp_socket: z.strictObject({ port: portSchema.nullish() }).nullish().openapi({
    description:
      'Well means that a connection is accepted. An app that hangs still does that: better an `http_get`.',
  }),
  exec: z
    .strictObject({
      command: z
        .array(textThat(hasNoNul, hasAtMostBytes(COMMAND_PART_BYTES_MAX)))
        .min(1, 'must have at least one part')
        .max(PROBE_COMMAND_PARTS_MAX, `must have at most ${PROBE_COMMAND_PARTS_MAX} parts`)
        .refine((parts) => parts[0] !== '', {
          error: 'must begin with a program',
          params: { code: 'required' },
        }),
    })
    .nullish()
    .openapi({ description: 'Well means that this command ends with 0. It runs in the container.' }),
  period: textThat(isDurationWithin(PROBE_PERIOD_MIN_MS, PROBE_PERIOD_MAX_MS)).nullish().openapi({
    description:
      'From one question to the next. Of a startup probe the longest pause: a start is asked quickly. Default `10s`.',
    example: '10s',
  }),
  failure_threshold: z.int().min(1).max(PROBE_THRESHOLD_MAX).nullish(),
};

const initialDelay = (description: string) =>
  textThat(isDurationWithin(0, PROBE_INITIAL_DELAY_MAX_MS))
    .nullish()
    .openapi({ description: `${description} Default \`0s\`.`, example: '0s' });

const timeout = (standard: string) =>
  textThat(isDurationWithin(DURATION_MIN_MS, PROBE_PERIOD_MAX_MS))
    .nullish()
    .openapi({
      description: `One attempt; at most \`period\`. Default \`${standard}\`, or \`period\` where that is shorter.`,
      example: standard,
    });

const startupSchema = z
  .strictObject({
    ...checkShape,
    initial_delay: initialDelay('Failures in this time do not count; it is asked all the same.'),
    timeout: timeout('5s'),
    failure_threshold: checkShape.failure_threshold.openapi({
      description:
        'So many periods a start may take after the initial delay. Default: until `wake_timeout` is over.',
      example: 24,
    }),
  })
  .superRefine(hasOneCheck)
  .superRefine(answersInPeriod);

const probeSchema = z
  .strictObject({
    ...checkShape,
    initial_delay: initialDelay('From its first answer to the first question.'),
    timeout: timeout('1s'),
    failure_threshold: checkShape.failure_threshold.openapi({
      description: `So many failures in a row count. Default ${PROBE_DEFAULTS.failureThreshold}.`,
      example: PROBE_DEFAULTS.failureThreshold,
    }),
  })
  .superRefine(hasOneCheck)
  .superRefine(answersInPeriod);

/** Checks of its own: `extend` would lose those above. */
const readinessSchema = z
  .strictObject({
    ...probeSchema.shape,
    success_threshold: z
      .int()
      .min(1)
      .max(PROBE_THRESHOLD_MAX)
      .nullish()
      .openapi({
        description: `So many successes in a row make it ready again. Default ${PROBE_DEFAULTS.successThreshold}.`,
        example: PROBE_DEFAULTS.successThreshold,
      }),
  })
  .superRefine(hasOneCheck)
  .superRefine(answersInPeriod);

export const probesSchema = z
  .strictObject({
    startup: startupSchema
      .openapi({
        description: 'How a start is known to have worked. Without one, an open port is enough.',
      })
      .nullish(),
    liveness: probeSchema
      .openapi({ description: 'An instance that fails it is replaced, with back-off.' })
      .nullish(),
    readiness: readinessSchema
      .openapi({ description: 'An instance that fails it gets no new requests until it succeeds again.' })
      .nullish(),
  })
  .openapi({
    description:
      'What is asked of instances. Asked only while they are awake; a probe is no traffic and wakes nobody.',
  });

export type StartupInput = z.output<typeof startupSchema>;
export type ProbeInput = z.output<typeof probeSchema> & { success_threshold?: number | null | undefined };
export type ProbesInput = z.output<typeof probesSchema>;

function hasOneCheck(
  probe: Readonly<Partial<Record<'http_get' | 'tcp_socket' | 'exec', unknown>>>,
  context: z.RefinementCtx,
): void {
  const given = [probe.http_get, probe.tcp_socket, probe.exec].filter((check) => check != null);
  if (given.length === 1) return;
  context.addIssue({
    code: 'custom',
    path: [],
    message: 'must have one of http_get, tcp_socket and exec',
    params: { code: given.length === 0 ? 'required' : 'not_allowed' },
  });
}

function answersInPeriod(
  { timeout: given, period }: { timeout?: string | null | undefined; period?: string | null | undefined },
  context: z.RefinementCtx,
): void {
  const timeoutMs = given == null ? null : parseDuration(given);
  const periodMs = period == null ? PROBE_DEFAULTS.periodMs : parseDuration(period);
  if (timeoutMs === null || periodMs === null || timeoutMs <= periodMs) return;
  const message = 'must not be longer than period: one question would run into the next';
  context.addIssue({
    code: 'custom',
    path: ['timeout'],
    message,
    params: { code: 'timeout_above_period' },
  });
}
