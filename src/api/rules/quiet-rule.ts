/** The conditions of a quiet rule: a path or its beginning, a method, a part of a User-Agent, a client's network. */
import { parseIpRange } from '../../base/ip-range.ts';
import { checkOriginForm } from './origin-form.ts';
import { problem, type RuleProblem } from './rule.ts';

/** RFC 9110 §5.6.2. Methods are compared as they are written, and clients write them in capitals. */
const METHOD = /^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]{0,39}$/;

export function checkPathPattern(text: string): RuleProblem | null {
  if (text.includes('?')) return problem('not_a_path', 'must be a path without a query');
  const star = text.indexOf('*');
  if (star >= 0 && star !== text.length - 1) return problem('not_a_path', 'may have a * only at its end');
  return checkOriginForm(star < 0 ? text : text.slice(0, -1));
}

export function checkMethod(text: string): RuleProblem | null {
  return METHOD.test(text) ? null : problem('not_a_method', 'must be a method in capitals, such as GET');
}

export function checkClientRange(text: string): RuleProblem | null {
  if (parseIpRange(text) !== null) return null;
  return problem(
    'not_a_range',
    'must be an IP address or a CIDR range without bits beyond its prefix, such as 10.0.0.0/8 or fd00::/8',
  );
}

/** A field value never has anything else; what cannot match is a mistake. */
export function isPrintable(text: string): RuleProblem | null {
  return /^[\x20-\x7e]*$/.test(text) ? null : problem('not_printable', 'must be printable ASCII');
}
