/** Reads from a Linux program which loader and shared objects it wants (ELF, 64-bit, little-endian). Pure. */

export interface ElfNeeds {
  /** Path of the dynamic loader; null for a static program, and in shared objects. */
  readonly interpreter: string | null;
  /** Names of shared objects, e.g. `libc.so.6`. */
  readonly needed: readonly string[];
}

/** Reads `length` bytes at `offset` of the file. */
export type ReadBytes = (offset: number, length: number) => Uint8Array;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const headBytes = 64;
const segmentType = { load: 1, dynamic: 2, interpreter: 3 } as const;
const dynamicTag = { end: 0, needed: 1, stringTable: 5 } as const;
const nameBytesMax = 4_096;

/** Null where the file is not such a program. */
export function readElfNeeds(read: ReadBytes): ElfNeeds | null {
  const head = view(read(0, headBytes));
  const isElf = head.byteLength === headBytes && head.getUint32(0) === 0x7f454c46;
  if (!isElf || head.getUint8(4) !== 2 || head.getUint8(5) !== 1) return null;
  const segments = readSegments(read, head);
  const interpreter = segments.find(({ type }) => type === segmentType.interpreter);
  return {
    interpreter: interpreter ? readName(read, interpreter.offset) : null,
    needed: readNeeded(read, segments),
  };
}

function readSegments(read: ReadBytes, head: DataView): Segment[] {
  const [start, size, count] = [
    Number(head.getBigUint64(32, true)),
    head.getUint16(54, true),
    head.getUint16(56, true),
  ];
  const table = view(read(start, size * count));
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    return {
      type: table.getUint32(at, true),
      offset: Number(table.getBigUint64(at + 8, true)),
      address: Number(table.getBigUint64(at + 16, true)),
      size: Number(table.getBigUint64(at + 32, true)),
    };
  });
}

function readNeeded(read: ReadBytes, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === segmentType.dynamic);
  if (!dynamic) return [];
  const table = view(read(dynamic.offset, dynamic.size));
  const nameOffsets: number[] = [];
  let names = 0;
  for (let at = 0; at + 16 <= table.byteLength; at += 16) {
    const tag = Number(table.getBigInt64(at, true));
    const value = Number(table.getBigUint64(at + 8, true));
    if (tag === dynamicTag.end) break;
    if (tag === dynamicTag.needed) nameOffsets.push(value);
    if (tag === dynamicTag.stringTable) names = fileOffset(segments, value);
  }
  return nameOffsets.map((offset) => readName(read, names + offset));
}

/** The dynamic section speaks of addresses in memory. */
function fileOffset(segments: readonly Segment[], address: number): number {
  const home = segments.find(
    (one) => one.type === segmentType.load && address >= one.address && address < one.address + one.size,
  );
  return home ? address - home.address + home.offset : address;
}

function readName(read: ReadBytes, offset: number): string {
  const bytes = read(offset, nameBytesMax);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
