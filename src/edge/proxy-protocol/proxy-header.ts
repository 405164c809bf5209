/**
 * The PROXY protocol's header, versions 1 and 2 (haproxy.org, proxy-protocol.txt): what a load balancer says before the
 * first byte of a connection. A pure function of the bytes: however they were split, the result is the same.
 */
import { isIPv4, isIPv6 } from 'node:net';

export interface ProxyHeader {
  readonly kind: 'header';
  /** Index after the header. */
  readonly end: number;
  /** Who connected to the proxy; null where it speaks for itself (LOCAL) or says no IP address. */
  readonly source: string | null;
}

export type ProxyHeaderResult =
  | ProxyHeader
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'rejected'; readonly reason: string };

/** With its CRLF, as the specification bounds it. */
const V1_BYTES_MAX = 107;
const V1_PREFIX = Buffer.from('PROXY ', 'latin1');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEAD_BYTES = 16;

const INCOMPLETE = { kind: 'incomplete' } as const;

/** `bytesMax` bounds a version 2 header with all its extensions. */
export function parseProxyHeader(bytes: Buffer, bytesMax: number): ProxyHeaderResult {
  if (beginsLike(bytes, V2_SIGNATURE)) {
    return bytes.length < V2_HEAD_BYTES ? INCOMPLETE : parseV2(bytes, bytesMax);
  }
  if (beginsLike(bytes, V1_PREFIX)) return parseV1(bytes);
  return rejected('no PROXY header');
}

/** As far as it has come. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function parseV1(bytes: Buffer): ProxyHeaderResult {
  const lineEnd = bytes.subarray(0, V1_BYTES_MAX).indexOf('\r\n', 0, 'latin1');
  if (lineEnd < 0) return bytes.length < V1_BYTES_MAX ? INCOMPLETE : rejected('an endless line');
  const words = bytes.toString('latin1', 0, lineEnd).split(' ');
  const end = lineEnd + 2;
  // What follows UNKNOWN is not to be looked at.
  if (words[1] === 'UNKNOWN') return { kind: 'header', end, source: null };
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = words;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : null;
  if (isAddress === null) return rejected('an unknown protocol');
  if (!isAddress(source) || !isAddress(destination)) return rejected('an invalid address');
  if (!isPort(sourcePort) || !isPort(destinationPort) || more.length > 0) return rejected('an invalid port');
  return { kind: 'header', end, source };
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** Bytes of the addresses and ports of each family, by the high half of byte 13. */
const ADDRESS_BYTES = [0, 12, 36, 216];
const FAMILY_INET = 1;
const FAMILY_INET6 = 2;
const TRANSPORT_STREAM = 1;
const TRANSPORT_MAX = 2;

function parseV2(bytes: Buffer, bytesMax: number): ProxyHeaderResult {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 0xf;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0xf;
  const end = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if (version !== 2) return rejected('an unknown version');
  if (command > 1) return rejected('an unknown command');
  if (end > bytesMax) return rejected('too many bytes');
  const isLocal = command === 0;
  if (!isLocal) {
    const addressBytes = ADDRESS_BYTES[family];
    if (addressBytes === undefined || transport > TRANSPORT_MAX) return rejected('an unknown family');
    if (end - V2_HEAD_BYTES < addressBytes) return rejected('too few bytes for its addresses');
  }
  // Extensions (TLVs) follow the addresses and are skipped with them.
  if (bytes.length < end) return INCOMPLETE;
  const isTcp = !isLocal && transport === TRANSPORT_STREAM;
  return { kind: 'header', end, source: isTcp ? sourceOf(bytes, family) : null };
}

function sourceOf(bytes: Buffer, family: number): string | null {
  if (family === FAMILY_INET) return [16, 17, 18, 19].map((at) => bytes[at]).join('.');
  if (family !== FAMILY_INET6) return null;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(16 + 2 * index).toString(16));
  return groups.join(':');
}

function rejected(reason: string): ProxyHeaderResult {
  return { kind: 'rejected', reason };
}
