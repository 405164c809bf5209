/** A project's name: a DNS label (RFC 1123), for it becomes part of container names, variables and hostnames. */
import { problem, type RuleProblem } from './rule.ts';

export const PROJECT_NAME_PATTERN = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';

const pattern = new RegExp(PROJECT_NAME_PATTERN);

export function checkProjectName(name: string): RuleProblem | null {
  if (name === '') return problem('required', 'must not be empty');
  if (name.length > 63) return problem('too_long', 'must be at most 63 characters long');
  if (pattern.test(name)) return null;
  return problem(
    'not_a_dns_label',
    'must be lower case letters, digits and hyphens, and begin and end with a letter or digit',
  );
}
