/** Host names as routing and certificates need them: RFC 1123 names, IP literals, one-level wildcards. */
import { parseIpAddress } from './ip-range.ts';

const HOST_NAME_LENGTH_MAX = 253;

const labelsPattern = /^(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/;

/** What a Host header or `host:port` says. */
export interface Authority {
  /** Lower case, no port, no trailing dot, IPv6 without its brackets. */
  readonly host: string;
  /** Null when none was given. */
  readonly port: number | null;
}

/**
 * A name that DNS could hold, in lower case, no trailing dot. What looks like an IPv4 address is none:
 * the last label of a name is never all digits (RFC 3696 §2).
 */
export function isHostName(text: string): boolean {
  return text.length <= HOST_NAME_LENGTH_MAX && labelsPattern.test(text) && !/(?:^|\.)[0-9]+$/.test(text);
}

/** `*.example.com`: one label, and only in front of at least one other. */
export function isWildcardHost(text: string): boolean {
  return text.startsWith('*.') && isHostName(text.slice(2));
}

/** The host as Luma compares it (a name or an IP address, lower case, no brackets), or null when it is none. */
export function normalizeHost(text: string): string | null {
  if (text.startsWith('[')) {
    const inner = text.endsWith(']') ? text.slice(1, -1) : '';
    return parseIpAddress(inner)?.family === 6 ? inner.toLowerCase() : null;
  }
  const lower = text.toLowerCase();
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower;
  if (isHostName(name)) return name;
  return parseIpAddress(lower) ? lower : null;
}

/** Reads `host`, `host:port`, `[v6]` and `[v6]:port`; null for anything else. A bare IPv6 address needs brackets. */
export function parseAuthority(text: string): Authority | null {
  const hostEnd = text.startsWith('[') ? text.indexOf(']') + 1 : text.indexOf(':');
  const hostText = hostEnd < 0 ? text : text.slice(0, hostEnd);
  const rest = hostEnd < 0 ? '' : text.slice(hostEnd);
  const host = normalizeHost(hostText);
  if (host === null || host.includes(':') !== hostText.startsWith('[')) return null;
  if (rest === '') return { host, port: null };
  // RFC 3986 §3.2.3 allows an empty port: `host:`.
  if (rest === ':') return { host, port: null };
  const port = /^:[0-9]{1,5}$/.test(rest) ? Number(rest.slice(1)) : -1;
  return port >= 0 && port <= 65_535 ? { host, port } : null;
}

/** The wildcard that would cover this host: `a.example.com` → `*.example.com`; null for one-label names and addresses. */
export function wildcardOf(host: string): string | null {
  const dot = host.indexOf('.');
  return dot > 0 && isHostName(host) ? `*${host.slice(dot)}` : null;
}

/** Whether a normalised host is meant by a pattern: itself or the wildcard one level above it. */
export function hostMatches(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith('*.') && wildcardOf(host) === pattern);
}

/** `host:port` for people and URLs: IPv6 addresses get their brackets. */
export function formatAuthority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
