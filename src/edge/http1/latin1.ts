/** One character per byte, by the runtime's native routine, which its types leave out. No state. */

interface Latin1Buffer {
  latin1Slice(from: number, to: number): string;
}

export function latin1Text(bytes: Buffer, from: number, to: number): string {
  return (bytes as unknown as Latin1Buffer).latin1Slice(from, to);
}
