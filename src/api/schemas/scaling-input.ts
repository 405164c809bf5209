/** The fields about how many instances there are, as schemas. */
import { z } from '@hono/zod-openapi';
import { DEFAULT_SCALING } from '../../domain/project.ts';
import { CONCURRENCY_MAX, DURATION_MIN_MS, IDLE_TIMEOUT_MAX_MS, INSTANCES_MAX } from '../limits.ts';
import { isDurationWithin } from '../rules/duration-range.ts';
import { textThat } from '../rules/rule.ts';

export const scalingShape = {
  min_instances: z
    .int()
    .min(0)
    .max(INSTANCES_MAX)
    .openapi({
      description: `So many are always there, and awake; with one or more it never sleeps and is never frozen. Default ${DEFAULT_SCALING.minInstances}.`,
      example: 0,
    })
    .nullish(),
  max_instances: z
    .int()
    .min(1)
    .max(INSTANCES_MAX)
    .openapi({
      description: `At most so many of one revision. Default ${DEFAULT_SCALING.maxInstances}.`,
      example: 10,
    })
    .nullish(),
  concurrency: z
    .int()
    .min(1)
    .max(CONCURRENCY_MAX)
    .openapi({
      description: `Requests that one instance gets at once; further ones wait. Default ${DEFAULT_SCALING.concurrency}.`,
      example: 80,
    })
    .nullish(),
  target_utilization: z
    .number()
    .min(0.1)
    .max(1)
    .openapi({
      description: `The part of \`concurrency\` that an instance should have on average. Default ${DEFAULT_SCALING.targetUtilization}.`,
      example: 0.7,
    })
    .nullish(),
  session_affinity: z
    .boolean()
    .openapi({ description: 'A client comes back to the instance it had first, by cookie. Default false.' })
    .nullish(),
  freeze_after: textThat(isDurationWithin(DURATION_MIN_MS, IDLE_TIMEOUT_MAX_MS, 'never'))
    .openapi({
      description:
        'From the end of the last request until its processes are suspended, which a request undoes in milliseconds; shorter than `idle_timeout`; without effect while `min_instances` is one or more. Default `never`.',
      example: '5s',
    })
    .nullish(),
};
