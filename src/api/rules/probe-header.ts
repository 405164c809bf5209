/** Headers of a probe's request (RFC 9110 §5.1, §5.5), without those that frame it. */
import { PROBE_HEADER_CHARACTERS_MAX } from '../limits.ts';
import { problem, type RuleProblem } from './rule.ts';

const framing = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function checkProbeHeaderName(name: string): RuleProblem | null {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}$/.test(name)) {
    return problem('not_a_header', 'must be a header name: letters, digits and hyphens');
  }
  if (!framing.has(name.toLowerCase())) return null;
  return problem('reserved', 'is set by Luma: a probe is one GET on a connection of its own');
}

export function checkProbeHeaderValue(value: string): RuleProblem | null {
  if (value.length > PROBE_HEADER_CHARACTERS_MAX) {
    return problem('too_long', `must be at most ${PROBE_HEADER_CHARACTERS_MAX} characters long`);
  }
  if (/^[\t\x20-\x7e]*$/.test(value)) return null;
  return problem('not_printable', 'must be printable ASCII, without line breaks');
}
