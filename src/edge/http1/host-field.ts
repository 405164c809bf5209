/**
 * The `Host` field and the authority of an absolute target (RFC 9110 §7.2, RFC 3986 §3.2). The cache below is
 * a bounded memory of pure results.
 */

export interface HostField {
  /** Lower case, without port, final dot and the brackets of IPv6: what routes are looked up by. */
  readonly name: string;
  /** As sent. */
  readonly text: string;
}

const CACHED_HOSTS_MAX = 4_096;
const CACHED_HOST_LENGTH_MAX = 255;
const cache = new Map<string, HostField | null>();

/** `host [":" port]`, or null where it is neither a name, an IPv4 nor an IPv6 address. */
export function parseHostField(text: string): HostField | null {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const host = parse(text);
  if (text.length <= CACHED_HOST_LENGTH_MAX) {
    if (cache.size >= CACHED_HOSTS_MAX) cache.clear();
    cache.set(text, host);
  }
  return host;
}

const NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/;
const IPV6 = /^\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]$/;
const PORT = /^[0-9]{0,5}$/;

function parse(text: string): HostField | null {
  const colon = text.indexOf(':', text.startsWith('[') ? text.indexOf(']') + 1 : 0);
  const name = colon < 0 ? text : text.slice(0, colon);
  if (colon >= 0 && !isPort(text.slice(colon + 1))) return null;
  if (name.length > 255 || (!NAME.test(name) && !IPV6.test(name))) return null;
  const lower = name.toLowerCase();
  if (lower.startsWith('[')) return { name: lower.slice(1, -1), text };
  return { name: lower.endsWith('.') ? lower.slice(0, -1) : lower, text };
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 65_535;
}
