/**
 * Whose word about clients is believed. Immutable but for a bounded memory of pure results: behind a load balancer
 * the same few addresses are asked for with every request.
 */
import { LumaError } from '../../base/errors.ts';
import {
  formatIpAddress,
  type IpAddress,
  type IpRange,
  parseIpAddress,
  parseIpRange,
  rangeContains,
} from '../../base/ip-range.ts';

export interface KnownAddress {
  /** In one form for each address: RFC 5952, IPv4-mapped as IPv4, without port, brackets and zone. */
  readonly text: string;
  readonly isTrusted: boolean;
}

const CACHED_MAX = 4_096;
const CACHED_LENGTH_MAX = 64;

export class TrustedProxies {
  readonly #ranges: readonly IpRange[];
  readonly #cache = new Map<string, KnownAddress | null>();

  /** CIDR ranges or single addresses; throws `invalid_ip_range`. */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.map(rangeOf);
  }

  /** An address as a socket, a PROXY header or a forwarding field writes it, with or without a port; null: none. */
  find(text: string): KnownAddress | null {
    const known = this.#cache.get(text);
    if (known !== undefined) return known;
    const address = parseIpAddress(bareAddress(text));
    const found = address === null ? null : { text: formatIpAddress(address), isTrusted: this.#has(address) };
    if (text.length <= CACHED_LENGTH_MAX) {
      if (this.#cache.size >= CACHED_MAX) this.#cache.clear();
      this.#cache.set(text, found);
    }
    return found;
  }

  #has(address: IpAddress): boolean {
    return this.#ranges.some((range) => rangeContains(range, address));
  }
}

function rangeOf(text: string): IpRange {
  const range = parseIpRange(text);
  if (range !== null) return range;
  throw new LumaError('invalid_ip_range', `${JSON.stringify(text)} is no IP address and no range of them`, {
    hint: 'write ranges as 10.0.0.0/8 or fd00::/8, with no bits set beyond the prefix',
  });
}

const BRACKETED = /^\[([^\]]*)\](?::[0-9]{1,5})?$/;
const WITH_PORT = /^([0-9.]+):[0-9]{1,5}$/;

/** Without port, brackets and zone: forwarding fields come in all these forms. */
function bareAddress(text: string): string {
  const address = BRACKETED.exec(text)?.[1] ?? WITH_PORT.exec(text)?.[1] ?? text;
  const zone = address.indexOf('%');
  return zone > 0 && address.includes(':') ? address.slice(0, zone) : address;
}
