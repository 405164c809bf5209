/**
 * JSON lines over a Unix socket: whole objects out of any split of the input, and nothing lost when the
 * kernel takes only part of a write. Owns its socket, the unfinished line and what waits to be written.
 */
import type { Socket } from 'bun';
import { LumaError } from '../../base/errors.ts';

export interface LineSocketEvents {
  onLine(line: string): void;
  /** Once. After it nothing arrives and nothing is sent. */
  onClose(reason: string): void;
}

export interface LineSocketLimits {
  readonly lineBytesMax: number;
  readonly backlogBytesMax: number;
}

const NEWLINE = 10;

export class LineSocket {
  readonly #events: LineSocketEvents;
  readonly #limits: LineSocketLimits;
  #socket: Socket<LineSocket> | undefined;
  #unfinished: Buffer[] = [];
  #unfinishedBytes = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  constructor(events: LineSocketEvents, limits: LineSocketLimits) {
    this.#events = events;
    this.#limits = limits;
  }

  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  opened(socket: Socket<LineSocket>): void {
    this.#socket = socket;
  }

  /** Written at once; what the kernel does not take waits, up to the limit, beyond which the peer is cut off. */
  send(message: object): void {
    if (!this.#socket) return;
    const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
    if (this.#waiting.length > 0) this.#keep(bytes);
    else this.#write(bytes);
  }

  drained(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const bytes of waiting) {
      if (this.#waiting.length > 0) this.#keep(bytes);
      else this.#write(bytes);
    }
  }

  received(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#unfinished.push(chunk.subarray(from, at));
      const line = Buffer.concat(this.#unfinished).toString();
      this.#unfinished = [];
      this.#unfinishedBytes = 0;
      from = at + 1;
      this.#events.onLine(line);
      if (!this.#socket) return;
    }
    if (from === chunk.length) return;
    this.#unfinished.push(chunk.subarray(from));
    this.#unfinishedBytes += chunk.length - from;
    if (this.#unfinishedBytes > this.#limits.lineBytesMax) this.close('a line is too long');
  }

  close(reason: string): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    this.#waiting = [];
    this.#unfinished = [];
    socket.terminate();
    this.#events.onClose(reason);
  }

  #write(bytes: Buffer): void {
    const taken = this.#socket?.write(bytes) ?? -1;
    if (taken < 0) {
      this.close('the peer closed');
      return;
    }
    if (taken < bytes.length) this.#keep(bytes.subarray(taken));
  }

  #keep(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > this.#limits.backlogBytesMax) this.close('the peer does not read');
  }
}

/** The handlers that Bun's listen and connect want, for sockets whose data is a LineSocket. */
export const lineHandlers = {
  data: (socket: Socket<LineSocket>, chunk: Buffer) => socket.data.received(chunk),
  drain: (socket: Socket<LineSocket>) => socket.data.drained(),
  close: (socket: Socket<LineSocket>) => socket.data.close('the peer closed'),
  end: (socket: Socket<LineSocket>) => socket.data.close('the peer closed'),
  error: (socket: Socket<LineSocket>, error: Error) => socket.data.close(error.message),
};

/** Parses one line, or says what the peer sent. */
export function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new LumaError('worker_protocol_broken', `a line is no JSON: ${line.slice(0, 80)}`, { cause });
  }
}
