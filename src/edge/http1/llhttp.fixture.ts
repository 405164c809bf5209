/** llhttp, Node's HTTP parser, as undici ships it in WebAssembly: a second opinion on where messages begin and end. */
import { createRequire } from 'node:module';

export interface OtherMessage {
  /** The request target; empty for an answer. */
  readonly target: string;
  readonly body: string;
}

export interface OtherReading {
  readonly messages: readonly OtherMessage[];
  /** It found something it would not accept, after those messages. */
  readonly isRejected: boolean;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly _initialize?: () => void;
  malloc(bytes: number): number;
  free(at: number): void;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, at: number, bytes: number): number;
}

const TYPES = { request: 1, answer: 2 } as const;
const OK = 0;
const PAUSED_UPGRADE = 22;

interface Collector {
  target: string;
  body: string;
  readonly messages: OtherMessage[];
}

let reading: keyof typeof TYPES = 'request';
let collector: Collector = { target: '', body: '', messages: [] };
const instance = instantiate();

/** Reads all of `bytes` as messages of one connection. */
export function readWithLlhttp(type: keyof typeof TYPES, bytes: Buffer): OtherReading {
  reading = type;
  collector = { target: '', body: '', messages: [] };
  const parser = instance.llhttp_alloc(TYPES[type]);
  const at = instance.malloc(bytes.length + 1);
  try {
    new Uint8Array(instance.memory.buffer, at, bytes.length).set(bytes);
    const code = instance.llhttp_execute(parser, at, bytes.length);
    return { messages: collector.messages, isRejected: code !== OK && code !== PAUSED_UPGRADE };
  } finally {
    instance.free(at);
    instance.llhttp_free(parser);
  }
}

function instantiate(): Exports {
  const wasm = createRequire(import.meta.url)('undici/lib/llhttp/llhttp-wasm.js') as Uint8Array<ArrayBuffer>;
  const text = (at: number, length: number): string =>
    Buffer.from(instance.memory.buffer, at, length).toString('latin1');
  const goOn = (): number => 0;
  const env = {
    wasm_on_message_begin: goOn,
    wasm_on_status: goOn,
    wasm_on_header_field: goOn,
    wasm_on_header_value: goOn,
    /** 1: no body follows. llhttp leaves it to its user to know these answers (RFC 9112 §6.3). */
    wasm_on_headers_complete(_parser: number, status: number): number {
      return reading === 'answer' && (status < 200 || status === 204 || status === 304) ? 1 : 0;
    },
    wasm_on_url(_parser: number, at: number, length: number): number {
      collector.target += text(at, length);
      return 0;
    },
    wasm_on_body(_parser: number, at: number, length: number): number {
      collector.body += text(at, length);
      return 0;
    },
    wasm_on_message_complete(): number {
      collector.messages.push({ target: collector.target, body: collector.body });
      collector.target = '';
      collector.body = '';
      return 0;
    },
  };
  return new WebAssembly.Instance(new WebAssembly.Module(wasm), { env }).exports as unknown as Exports;
}
