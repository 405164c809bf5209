/** A tag becomes the beginning of a hostname: `tag---hostname`. */
import { problem, type RuleProblem } from './rule.ts';

/** Leaves room for a hostname's first label, as Cloud Run does. */
export const TAG_CHARACTERS_MAX = 46;

export function checkTag(tag: string): RuleProblem | null {
  if (tag === '') return problem('required', 'must not be empty');
  if (tag.length > TAG_CHARACTERS_MAX) {
    return problem('too_long', `must be at most ${TAG_CHARACTERS_MAX} characters long`);
  }
  if (/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(tag) && !tag.includes('--')) return null;
  return problem(
    'not_a_tag',
    'must be lower case letters, digits and single hyphens, begin with a letter and not end with a hyphen',
  );
}
