/** An HTTP/2 client of frames: sends what it is told, also what no client would, and remembers every frame that came. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import {
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  frame,
  numberFrame,
  PREFACE,
  settingsFrame,
} from '../http2/frames.ts';
import { HpackDecoder } from '../http2/hpack-decoder.ts';
import { HeaderBlock } from '../http2/hpack-encoder.ts';

export interface CameFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** Of HEADERS. */
  readonly fields: Readonly<Record<string, string>>;
}

export const GET: Readonly<Record<string, string>> = {
  ':method': 'GET',
  ':scheme': 'http',
  ':path': '/',
  ':authority': 'app.test',
};

export const POST: Readonly<Record<string, string>> = { ...GET, ':method': 'POST' };

export class FrameClient {
  readonly socket: Socket;
  readonly frames: CameFrame[] = [];
  isClosed = false;
  #input = Buffer.alloc(0);
  readonly #decoder = new HpackDecoder();
  #waiters: (() => void)[] = [];

  private constructor(port: number) {
    this.socket = createConnection({ host: '127.0.0.1', port });
    this.socket.setNoDelay(true);
    this.socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** Connected; with its part of the preface sent, unless it is to begin otherwise. */
  static async open(
    port: number,
    settings: Parameters<typeof settingsFrame>[0] | null = [],
  ): Promise<FrameClient> {
    const client = new FrameClient(port);
    await once(client.socket, 'connect');
    if (settings !== null) client.send(PREFACE, settingsFrame(settings));
    return client;
  }

  send(...pieces: readonly Buffer[]): void {
    this.socket.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
  }

  head(
    streamId: number,
    fields: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
    isEnd = true,
  ): void {
    this.send(headers(streamId, fields, isEnd));
  }

  data(streamId: number, text: string | Buffer, isEnd = true): void {
    this.send(frame(FRAME.data, isEnd ? FLAG.endStream : 0, streamId, Buffer.from(text)));
  }

  reset(streamId: number, code = 8): void {
    this.send(numberFrame(FRAME.rstStream, streamId, code));
  }

  window(streamId: number, byteCount: number): void {
    this.send(numberFrame(FRAME.windowUpdate, streamId, byteCount));
  }

  of(streamId: number, type?: number): CameFrame[] {
    return this.frames.filter(
      (came) => came.streamId === streamId && (type === undefined || came.type === type),
    );
  }

  /** The first frame of that kind. */
  async came(type: number, streamId = 0): Promise<CameFrame> {
    await this.until(() => this.of(streamId, type).length > 0);
    return this.of(streamId, type)[0]!;
  }

  /** Status, body and trailers of an answer that has come whole. */
  async answer(
    streamId: number,
  ): Promise<{ status: number; fields: CameFrame['fields']; body: string; trailers: CameFrame['fields'] }> {
    await this.until(() =>
      this.of(streamId).some(({ type, flags }) => type <= FRAME.headers && (flags & FLAG.endStream) !== 0),
    );
    const heads = this.of(streamId, FRAME.headers);
    const final = heads.findIndex(({ fields }) => Number(fields[':status']) >= 200);
    const body = Buffer.concat(this.of(streamId, FRAME.data).map(({ payload }) => payload)).toString(
      'latin1',
    );
    const fields = heads[final]?.fields ?? {};
    return { status: Number(fields[':status']), fields, body, trailers: heads[final + 1]?.fields ?? {} };
  }

  /** The code of the RST_STREAM or GOAWAY that came. */
  async ended(streamId: number): Promise<number> {
    const type = streamId === 0 ? FRAME.goAway : FRAME.rstStream;
    const { payload } = await this.came(type, streamId);
    return payload.readUInt32BE(streamId === 0 ? 4 : 0);
  }

  /** Fails by the test's own time limit. */
  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      if (this.isClosed) throw new Error(`the connection ended after ${this.frames.length} frames`);
      await this.#more();
    }
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await this.#more();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #read(bytes: Buffer): void {
    this.#input = Buffer.concat([this.#input, bytes]);
    for (;;) {
      if (this.#input.length < FRAME_HEAD_BYTES) break;
      const end = FRAME_HEAD_BYTES + this.#input.readUIntBE(0, 3);
      if (this.#input.length < end) break;
      const [type, flags] = [this.#input[3]!, this.#input[4]!];
      const payload = this.#input.subarray(FRAME_HEAD_BYTES, end);
      const fields = type === FRAME.headers ? this.#decode(payload) : {};
      this.frames.push({ type, flags, streamId: this.#input.readUInt32BE(5), payload, fields });
      this.#input = this.#input.subarray(end);
    }
    this.#wake();
  }

  #decode(payload: Buffer): Record<string, string> {
    const fields: Record<string, string> = {};
    const reason = this.#decoder.decode(payload, 0, payload.length, {
      field(name, value) {
        fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
      },
    });
    if (reason !== null) throw new Error(reason);
    return fields;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

export function headers(
  streamId: number,
  fields: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
  isEnd = true,
): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders | (isEnd ? FLAG.endStream : 0), streamId, blockOf(fields));
}

export function blockOf(
  fields: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
): Buffer {
  const block = new HeaderBlock();
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields);
  for (const [name, value] of pairs) block.field(name, value);
  return block.bytes();
}
