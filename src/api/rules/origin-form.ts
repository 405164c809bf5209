/** A request target in origin form (RFC 9112 §3.2.1): a path, perhaps with a query. */
import { PATH_CHARACTERS_MAX } from '../limits.ts';
import { problem, type RuleProblem } from './rule.ts';

/** RFC 3986 pchar, `/` and one `?`; no fragment. */
const pattern =
  /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$/;

export function checkOriginForm(text: string): RuleProblem | null {
  if (text.length > PATH_CHARACTERS_MAX) {
    return problem('too_long', `must be at most ${PATH_CHARACTERS_MAX} characters long`);
  }
  if (!text.startsWith('/')) return problem('not_a_path', 'must begin with /, for example /healthz');
  return pattern.test(text) ? null : problem('not_a_path', 'contains what must be percent-encoded in a path');
}
