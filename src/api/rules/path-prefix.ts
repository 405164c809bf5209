/** The beginning of the paths that a project answers. */

import { checkOriginForm } from './origin-form.ts';
import { problem, type RuleProblem } from './rule.ts';

const CHARACTERS_MAX = 1_024;

export function checkPathPrefix(text: string): RuleProblem | null {
  if (text.length > CHARACTERS_MAX)
    return problem('too_long', `must be at most ${CHARACTERS_MAX} characters long`);
  if (text.includes('?')) return problem('not_a_path', 'must be a path without a query, for example /api');
  return checkOriginForm(text);
}
