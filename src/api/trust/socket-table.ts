/** Who holds the other end of a loopback connection, by the kernel's tables of TCP sockets. Linux only. */
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { parseIpAddress } from '../../base/ip-range.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'] as const;

/** The uid of the process whose socket goes from `peer` to `own`; null when there is no such socket (any more). */
export async function readPeerUid(peer: Endpoint, own: Endpoint): Promise<number | null> {
  for (const path of TABLES) {
    const uid = findPeerUid(await readTable(path), peer, own);
    if (uid !== null) return uid;
  }
  return null;
}

/** Of one table's text: `sl: local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`. */
export function findPeerUid(table: string, peer: Endpoint, own: Endpoint): number | null {
  const ownForms = formsOf(own);
  for (const [family, peerForm] of formsOf(peer).entries()) {
    const uid = findPair(table, `: ${peerForm} ${ownForms[family]} `);
    if (uid !== null) return uid;
  }
  return null;
}

/** A search, not a walk over the rows: a busy edge leaves tens of thousands of them. */
function findPair(table: string, pair: string): number | null {
  for (let at = table.indexOf(pair); at >= 0; at = table.indexOf(pair, at + 1)) {
    const row = table.slice(at + pair.length, table.indexOf('\n', at));
    const [, , , , uid = '', , inode = ''] = row.trim().split(/\s+/);
    // A socket its process has closed belongs to nobody, and the kernel then says uid 0: never believe that.
    if (/^[1-9]\d*$/.test(inode) && /^\d+$/.test(uid)) return Number(uid);
  }
  return null;
}

/** As the tables write them: an IPv4 address first, then as the IPv6 socket of a client that speaks to it. */
function formsOf({ address, port }: Endpoint): readonly string[] {
  const portHex = port.toString(16).toUpperCase().padStart(4, '0');
  return addressBytes(address).map((bytes) => `${wordsHex(bytes)}:${portHex}`);
}

function addressBytes(address: string): readonly (readonly number[])[] {
  const parsed = parseIpAddress(address);
  if (!parsed) return [];
  if (parsed.family === 6) return [bytesOf(parsed.value, 16)];
  const four = bytesOf(parsed.value, 4);
  return [four, [...new Array<number>(10).fill(0), 0xff, 0xff, ...four]];
}

function bytesOf(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, at) => Number((value >> BigInt(8 * (count - 1 - at))) & 0xffn));
}

/** Each 32-bit word is printed as the machine reads it. */
function wordsHex(bytes: readonly number[]): string {
  let hex = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    if (endianness() === 'LE') word.reverse();
    hex += word.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
  }
  return hex;
}

async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    // A kernel without IPv6 has no second table.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
