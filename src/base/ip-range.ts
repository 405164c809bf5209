/** IP addresses and CIDR ranges, v4 and v6. An IPv4 address mapped into IPv6 (`::ffff:1.2.3.4`) counts as IPv4. */

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface IpRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const MAPPED_PREFIX = 0xffffn;
const familyBits = { 4: 32, 6: 128 } as const;

/** Strict: four decimal parts without leading zeros, or RFC 4291 text; no zone, no brackets. */
export function parseIpAddress(text: string): IpAddress | null {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === null ? null : { family: 4, value };
  }
  const value = parseIpv6(text);
  if (value === null) return null;
  const isMapped = value >> 32n === MAPPED_PREFIX;
  return isMapped ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value };
}

/** As RFC 5952 writes it: lower case, the longest run of zero groups as `::`. */
export function formatIpAddress({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  const zeros = longestZeroRun(groups);
  const text = (part: readonly bigint[]): string => part.map((group) => group.toString(16)).join(':');
  if (zeros.length < 2) return text(groups);
  return `${text(groups.slice(0, zeros.from))}::${text(groups.slice(zeros.from + zeros.length))}`;
}

/** The first of the longest. */
function longestZeroRun(groups: readonly bigint[]): { readonly from: number; readonly length: number } {
  let longest = { from: 0, length: 0 };
  let from = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0n) from = index + 1;
    else if (index + 1 - from > longest.length) longest = { from, length: index + 1 - from };
  }
  return longest;
}

/** `10.0.0.0/8`, `fd00::/8`, or a single address. Null when it is none, or when bits beyond the prefix are set. */
export function parseIpRange(text: string): IpRange | null {
  const [addressText = '', prefixText, ...more] = text.split('/');
  const address = parseIpAddress(addressText);
  if (!address || more.length > 0) return null;
  const bits =
    prefixText === undefined ? familyBits[address.family] : prefixBits(prefixText, addressText, address);
  if (bits === null) return null;
  const size = 1n << BigInt(familyBits[address.family] - bits);
  if (address.value % size !== 0n) return null;
  return { family: address.family, first: address.value, last: address.value + size - 1n };
}

export function rangeContains(range: IpRange, address: IpAddress): boolean {
  return range.family === address.family && range.first <= address.value && address.value <= range.last;
}

/** Whether any range holds the address as text; false for what is no address. */
export function isInRanges(ranges: readonly IpRange[], addressText: string): boolean {
  const address = parseIpAddress(addressText);
  return address !== null && ranges.some((range) => rangeContains(range, address));
}

/** 127.0.0.0/8 and ::1. */
export function isLoopbackAddress(text: string): boolean {
  return isInRanges(loopbackRanges, text);
}

const loopbackRanges: readonly IpRange[] = [
  { family: 4, first: 0x7f00_0000n, last: 0x7fff_ffffn },
  { family: 6, first: 1n, last: 1n },
];

/** The prefix of a mapped address is written for IPv6: `::ffff:10.0.0.0/104` is 10.0.0.0/8. */
function prefixBits(text: string, addressText: string, address: IpAddress): number | null {
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const isMapped = address.family === 4 && addressText.includes(':');
  const bits = Number(text) - (isMapped ? 96 : 0);
  return bits >= 0 && bits <= familyBits[address.family] ? bits : null;
}

function parseIpv4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseIpv6(text: string): bigint | null {
  const sides = text.split('::');
  if (sides.length > 2) return null;
  const [head, tail] = sides.map((side, index) => parseGroups(side, index === sides.length - 1));
  if (!head || tail === null) return null;
  const missing = 8 - head.length - (tail?.length ?? 0);
  // `::` stands for at least one group; without it all eight must be there.
  if (tail ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** 16-bit groups; the very last may be two of them written as IPv4. */
function parseGroups(text: string, isLastSide: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const ipv4 = isLastSide && index === parts.length - 1 && part.includes('.') ? parseIpv4(part) : null;
    if (ipv4 !== null) groups.push(Number(ipv4 >> 16n), Number(ipv4 & 0xffffn));
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}
