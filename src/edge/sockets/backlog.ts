/**
 * What one socket has been given and the kernel has not taken yet. Owned by the socket. Large buffers that are used up
 * give their memory back at once: a stream at full speed makes garbage faster than it is collected.
 */

/** What `write` of Bun's sockets does; negative: closed under us. */
export interface ByteTaker {
  write(bytes: Buffer, from: number, length: number): number;
}

/** Below, giving memory back costs more than the collector does. */
const RELEASED_BYTES_MIN = 32 * 1024;

export class Backlog {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** How much of the first part has been taken. */
  #from = 0;
  #takenBytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** What was sent late so far: more than before means that the peer still reads. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** A copy is kept: `bytes` is the batch, or a slice that would keep a large buffer alive for a few bytes. */
  add(bytes: Buffer, from: number, to: number): void {
    this.#parts.push(Buffer.from(bytes.subarray(from, to)));
    this.#bytes += to - from;
  }

  /** True: nothing is left. */
  sendTo(socket: ByteTaker): boolean {
    for (let part = this.#parts[0]; part !== undefined; part = this.#parts[0]) {
      const taken = socket.write(part, this.#from, part.length - this.#from);
      if (taken < 0) return false;
      this.#from += taken;
      this.#bytes -= taken;
      this.#takenBytes += taken;
      if (this.#from < part.length) return false;
      this.#parts.shift();
      this.#from = 0;
      release(part);
    }
    return true;
  }

  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#from = 0;
  }
}

/** Frees a large buffer that nobody looks at again; it is empty afterwards. One that shares its memory is left alone. */
export function release(bytes: Buffer): void {
  if (bytes.length < RELEASED_BYTES_MIN) return;
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length) buffer.transfer(0);
}
