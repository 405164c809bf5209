/** A root filesystem as a tar stream (ustar), read from files piece by piece: never the whole in memory. */
import { createReadStream, statSync } from 'node:fs';
import { assert } from '../../base/errors.ts';

export type ArchiveEntry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly from: string }
  | { readonly kind: 'text'; readonly path: string; readonly mode: number; readonly text: string }
  | { readonly kind: 'bytes'; readonly path: string; readonly mode: number; readonly bytes: Uint8Array };

const blockBytes = 512;
const pathBytesMax = 100;
const encoder = new TextEncoder();

export async function* rootArchive(entries: readonly ArchiveEntry[]): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    const content = contentOf(entry);
    const size = entry.kind === 'file' ? statSync(entry.from).size : (content?.length ?? 0);
    yield tarHead(entry, size);
    if (content) yield content;
    if (entry.kind === 'file') yield* wholeFile(entry.from, size);
    const padding = -size & (blockBytes - 1);
    if (padding > 0) yield new Uint8Array(padding);
  }
  yield new Uint8Array(2 * blockBytes);
}

function contentOf(entry: ArchiveEntry): Uint8Array | null {
  if (entry.kind === 'bytes') return entry.bytes;
  return entry.kind === 'text' ? encoder.encode(entry.text) : null;
}

async function* wholeFile(path: string, size: number): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    sent += chunk.length;
    yield chunk;
  }
  if (sent !== size) throw new Error(`${path} changed from ${size} to ${sent} bytes while it was read`);
}

/** POSIX.1-1988 ustar: fixed fields, octal numbers. Owned by root, dated 1970: the same input, the same image. */
function tarHead(entry: ArchiveEntry, size: number): Uint8Array {
  const path = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
  assert(!path.startsWith('/') && encoder.encode(path).length <= pathBytesMax, `archive path ${path}`);
  const head = new Uint8Array(blockBytes);
  const put = (offset: number, text: string): void => void encoder.encodeInto(text, head.subarray(offset));
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  put(0, path);
  put(100, octal(entry.mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(0, 11));
  put(148, ' '.repeat(8));
  put(156, entry.kind === 'folder' ? '5' : '0');
  put(257, 'ustar\u000000');
  // The sum is taken with its own field as spaces.
  put(
    148,
    `${octal(
      head.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\u0000 `,
  );
  return head;
}
