/** Lays a static Linux program out as an ELF file: one segment of data and code, nothing to link. Pure. */

export type Processor = 'amd64' | 'arm64';

/** Both as the ELF specification numbers them. */
const machineOf: Readonly<Record<Processor, number>> = { amd64: 62, arm64: 183 };

const headBytes = 64;
const segmentHeadBytes = 56;
const segmentCount = 2;
const loadAddress = 0x40_0000;
/** The largest page that either processor may use. */
const pageBytes = 0x1_0000;
const segmentType = { load: 1, gnuStack: 0x6474_e551 } as const;
const flags = { execute: 1, write: 2, read: 4 } as const;

/** Where the data begins in memory; the code follows it. */
export const dataAddress = loadAddress + headBytes + segmentCount * segmentHeadBytes;

export function staticElf(processor: Processor, data: Uint8Array, code: Uint8Array): Uint8Array {
  const dataOffset = dataAddress - loadAddress;
  const file = new Uint8Array(dataOffset + data.length + code.length);
  const view = new DataView(file.buffer);
  writeHead(view, machineOf[processor], dataAddress + data.length);
  const all = { offset: 0, address: loadAddress, size: file.length };
  writeSegment(view, headBytes, segmentType.load, flags.read | flags.execute, all, pageBytes);
  // Without this header old kernels make the stack executable.
  const none = { offset: 0, address: 0, size: 0 };
  writeSegment(view, headBytes + segmentHeadBytes, segmentType.gnuStack, flags.read | flags.write, none, 16);
  file.set(data, dataOffset);
  file.set(code, dataOffset + data.length);
  return file;
}

function writeHead(view: DataView, machine: number, entryAddress: number): void {
  view.setUint32(0, 0x7f45_4c46); // magic
  view.setUint8(4, 2); // 64 bit
  view.setUint8(5, 1); // little endian
  view.setUint8(6, 1); // version of the format
  view.setUint16(16, 2, true); // executable at fixed addresses
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true); // version of the format
  view.setBigUint64(24, BigInt(entryAddress), true);
  view.setBigUint64(32, BigInt(headBytes), true); // segment headers
  view.setUint16(52, headBytes, true);
  view.setUint16(54, segmentHeadBytes, true);
  view.setUint16(56, segmentCount, true);
  view.setUint16(58, 64, true); // size of a section header, of which there are none
}

function writeSegment(
  view: DataView,
  at: number,
  type: number,
  rights: number,
  { offset, address, size }: { offset: number; address: number; size: number },
  alignment: number,
): void {
  view.setUint32(at, type, true);
  view.setUint32(at + 4, rights, true);
  view.setBigUint64(at + 8, BigInt(offset), true);
  view.setBigUint64(at + 16, BigInt(address), true);
  view.setBigUint64(at + 24, BigInt(address), true);
  view.setBigUint64(at + 32, BigInt(size), true);
  view.setBigUint64(at + 40, BigInt(size), true);
  view.setBigUint64(at + 48, BigInt(alignment), true);
}
