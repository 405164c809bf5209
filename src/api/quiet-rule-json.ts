/** Quiet rules between what people send, the domain, and what the API answers. */
import type { QuietRule } from '../domain/project.ts';
import type { QuietRuleJson } from './schemas/responses.ts';
import type { QuietRuleInput } from './schemas/waiting-input.ts';

const DEFAULT_STATUS = 200;

export function toQuietRule(input: QuietRuleInput): QuietRule {
  return {
    path: input.path ?? null,
    methods: input.methods ? [...new Set(input.methods)] : null,
    userAgent: input.user_agent ?? null,
    client: input.client ?? null,
    answer: { status: input.answer?.status ?? DEFAULT_STATUS, body: input.answer?.body ?? '' },
  };
}

export function toQuietRuleJson({ path, methods, userAgent, client, answer }: QuietRule): QuietRuleJson {
  return { path, methods: methods && [...methods], user_agent: userAgent, client, answer: { ...answer } };
}
