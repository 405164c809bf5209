/** A rule says what is wrong with a text, or null; schemas are made of them. */
import { z } from '@hono/zod-openapi';

export interface RuleProblem {
  /** Stable. */
  readonly code: string;
  readonly message: string;
}

export type TextRule = (text: string) => RuleProblem | null;

/** A string that keeps the rules; the first broken one is told. */
export function textThat(...rules: readonly TextRule[]): z.ZodString {
  return z.string().superRefine((text, context) => {
    for (const rule of rules) {
      const problem = rule(text);
      if (!problem) continue;
      context.addIssue({ code: 'custom', message: problem.message, params: { code: problem.code } });
      return;
    }
  });
}

export function problem(code: string, message: string): RuleProblem {
  return { code, message };
}

/** NUL ends a string for the kernel: what follows would be lost without a word. */
export const hasNoNul: TextRule = (text) =>
  text.includes('\0') ? problem('nul_byte', 'must not contain a NUL character') : null;

export function hasAtMostBytes(bytesMax: number): TextRule {
  return (text) =>
    Buffer.byteLength(text) > bytesMax ? problem('too_long', `must be at most ${bytesMax} bytes long`) : null;
}
