/** A hostname a project may have: a name (RFC 1123) or a one-level wildcard, in any case; never an address. */
import { domainToASCII } from 'node:url';
import { isHostName, isWildcardHost } from '../../base/host-name.ts';
import { parseIpAddress } from '../../base/ip-range.ts';
import { problem, type RuleProblem } from './rule.ts';

const NOT_A_HOSTNAME = problem(
  'not_a_hostname',
  'must be a hostname such as myapp.localhost or *.example.com: labels of letters, digits and hyphens, joined by dots',
);

export function checkHostname(text: string): RuleProblem | null {
  const hostname = text.toLowerCase();
  if (isHostName(hostname) || isWildcardHost(hostname)) return null;
  return hostname === '' ? problem('required', 'must not be empty') : explain(hostname);
}

function explain(hostname: string): RuleProblem {
  if (hostname.length > 255) return problem('too_long', 'must be at most 253 characters long');
  if (hostname.includes('://'))
    return problem('not_a_hostname', 'must be the name alone, without http:// or a path');
  if (parseIpAddress(hostname.replace(/^\[|\]$/g, ''))) {
    return problem('is_an_address', 'must be a name, not an IP address');
  }
  if (/^[^:]+:\d*$/.test(hostname)) return problem('has_a_port', 'must be the name alone, without a port');
  if (hostname.endsWith('.')) return problem('trailing_dot', 'must not end with a dot');
  if (hostname.includes('*'))
    return problem('bad_wildcard', 'a wildcard must be the whole first label: *.example.com');
  return explainForeignLetters(hostname) ?? NOT_A_HOSTNAME;
}

function explainForeignLetters(hostname: string): RuleProblem | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
  if (/^[\x00-\x7f]*$/.test(hostname)) return null;
  const ascii = domainToASCII(hostname);
  const says = ascii && isHostName(ascii) ? `write ${ascii}` : 'it cannot be written in DNS';
  return problem('not_ascii', `must be in its ASCII form (punycode): ${says}`);
}
