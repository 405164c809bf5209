/** What people may say about requests that come while a project sleeps: the wait mode and the quiet rules. */
import { z } from '@hono/zod-openapi';
import {
  PATH_CHARACTERS_MAX,
  QUIET_BODY_CHARACTERS_MAX,
  QUIET_METHODS_MAX,
  QUIET_RULES_MAX,
  QUIET_USER_AGENT_CHARACTERS_MAX,
} from '../limits.ts';
import { checkClientRange, checkMethod, checkPathPattern, isPrintable } from '../rules/quiet-rule.ts';
import { textThat } from '../rules/rule.ts';

export const waitModeSchema = z.enum(['hold', 'page', 'reject'], 'must be hold, page or reject').openapi({
  description:
    'What a request meets while the project wakes. `hold`: it waits. `page`: a browser sees a small page that reloads when it is ready, everything else waits. `reject`: 503 with Retry-After at once. Default `hold`.',
});

const answerSchema = z
  .strictObject({
    status: z.int().min(200).max(599).nullish().openapi({ description: 'Default 200.', example: 200 }),
    body: z
      .string()
      .max(QUIET_BODY_CHARACTERS_MAX, `must be at most ${QUIET_BODY_CHARACTERS_MAX} characters long`)
      .nullish()
      .openapi({ description: 'A short text. Default: none.', example: 'asleep\n' }),
  })
  .superRefine(({ status, body }, context) => {
    if (!body || !isBodiless(status ?? 200)) return;
    const message = `must be left out: an answer with status ${status} has no body`;
    context.addIssue({ code: 'custom', path: ['body'], message, params: { code: 'not_allowed' } });
  })
  .openapi({ description: 'What such a request gets while the project sleeps.' });

const quietRuleSchema = z
  .strictObject({
    path: textThat(checkPathPattern)
      .openapi({
        description: 'The whole path, or its beginning where it ends in `*`.',
        maxLength: PATH_CHARACTERS_MAX,
        example: '/healthz',
      })
      .nullish(),
    methods: z
      .array(textThat(checkMethod))
      .min(1, 'must have at least one method')
      .max(QUIET_METHODS_MAX, `must have at most ${QUIET_METHODS_MAX} methods`)
      .nullish()
      .openapi({ example: ['GET', 'HEAD'] }),
    user_agent: textThat(isPrintable)
      .min(1, 'must not be empty')
      .max(
        QUIET_USER_AGENT_CHARACTERS_MAX,
        `must be at most ${QUIET_USER_AGENT_CHARACTERS_MAX} characters long`,
      )
      .openapi({
        description: 'A part of the User-Agent, in upper or lower case.',
        example: 'UptimeRobot',
      })
      .nullish(),
    client: textThat(checkClientRange)
      .openapi({ description: 'An address or a CIDR range.', example: '10.0.0.0/8' })
      .nullish(),
    answer: answerSchema.nullish(),
  })
  .refine(
    (rule) => rule.path != null || rule.methods != null || rule.user_agent != null || rule.client != null,
    {
      error: 'must have a condition: path, methods, user_agent or client',
      params: { code: 'required' },
    },
  );

export const quietRulesSchema = z
  .array(quietRuleSchema)
  .max(QUIET_RULES_MAX, `must have at most ${QUIET_RULES_MAX} rules`)
  .openapi({
    description:
      'Requests that neither wake the project nor keep it awake, such as those of uptime monitors and bots. All conditions of a rule must hold; the first rule that matches counts.',
  });

export type QuietRuleInput = z.output<typeof quietRuleSchema>;

/** RFC 9110 §15.3.5, §15.3.6, §15.4.5. */
function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
