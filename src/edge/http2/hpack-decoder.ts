/**
 * Header blocks of one connection, from bytes to fields (RFC 7541). Owns the dynamic table, which follows every block,
 * also of requests that are refused. Never throws on what a peer sent: a reason means that the connection must end.
 */
import { type HeaderField, STATIC_TABLE } from './hpack-tables.ts';
import { decodeHuffman } from './huffman.ts';

/** What hears of fields, in their order. */
export interface FieldSink {
  field(name: string, value: string): void;
}

interface Latin1Buffer {
  latin1Slice(from: number, to: number): string;
}

/** Beyond the bytes of name and value (RFC 7541 §4.1). */
const ENTRY_OVERHEAD = 32;
const TABLE_BYTES = 4_096;
/** Numbers beyond this mean nothing here. */
const NUMBER_MAX = 2 ** 28;
const NUMBER_BYTES_MAX = 5;
/** Entries that were evicted are dropped from the array in one go. */
const COMPACT_AT = 64;

/** Shared: a string never outlives the call that decodes it. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

export class HpackDecoder {
  #entries: HeaderField[] = [];
  /** Where in the array the oldest entry is. */
  #oldest = 0;
  #bytes = 0;
  #bytesMax = TABLE_BYTES;
  #input: Buffer = scratch;
  #at = 0;
  #to = 0;
  #reason: string | null = null;

  /** A whole header block. Null: it was in order. */
  decode(block: Buffer, from: number, to: number, sink: FieldSink): string | null {
    this.#input = block;
    this.#at = from;
    this.#to = to;
    this.#reason = null;
    let hasField = false;
    while (this.#at < to && this.#reason === null) {
      const byte = block[this.#at]!;
      if ((byte & 0xe0) === 0x20) {
        // RFC 7541 §4.2: only at the beginning of a block.
        if (hasField) return 'a change of the table size behind a field';
        this.#resize(this.#number(5));
        continue;
      }
      hasField = true;
      if ((byte & 0x80) !== 0) this.#indexed(sink);
      else if ((byte & 0xc0) === 0x40) this.#literal(6, true, sink);
      else this.#literal(4, false, sink);
    }
    return this.#reason;
  }

  #indexed(sink: FieldSink): void {
    const field = this.#entry(this.#number(7));
    if (field !== null) sink.field(field.name, field.value);
  }

  #literal(prefixBits: number, isIndexed: boolean, sink: FieldSink): void {
    const index = this.#number(prefixBits);
    const name = index === 0 ? this.#string() : (this.#entry(index)?.name ?? '');
    const value = this.#string();
    if (this.#reason !== null) return;
    sink.field(name, value);
    if (isIndexed) this.#insert({ name, value });
  }

  #entry(index: number): HeaderField | null {
    if (this.#reason !== null) return null;
    const known = STATIC_TABLE[index - 1];
    if (known !== undefined) return known;
    const at = this.#entries.length - (index - STATIC_TABLE.length);
    const field = index === 0 || at < this.#oldest ? undefined : this.#entries[at];
    if (field === undefined) this.#reason = 'an index that is in no table';
    return field ?? null;
  }

  /** RFC 7541 §5.1. */
  #number(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#input[this.#at++]! & mask;
    if (value < mask) return value;
    for (let count = 0; count < NUMBER_BYTES_MAX; count++) {
      if (this.#at >= this.#to) break;
      const byte = this.#input[this.#at++]!;
      value += (byte & 0x7f) * 2 ** (7 * count);
      if (value > NUMBER_MAX) break;
      if ((byte & 0x80) === 0) return value;
    }
    this.#reason ??= 'a number that is cut off or beyond any limit';
    return 0;
  }

  /** RFC 7541 §5.2. */
  #string(): string {
    if (this.#reason !== null) return '';
    if (this.#at >= this.#to) {
      this.#reason = 'a field that is cut off';
      return '';
    }
    const isHuffman = (this.#input[this.#at]! & 0x80) !== 0;
    const length = this.#number(7);
    const from = this.#at;
    if (length > this.#to - from) this.#reason ??= 'a string that is cut off';
    if (this.#reason !== null) return '';
    this.#at += length;
    return isHuffman ? this.#huffman(from, this.#at) : latin1(this.#input, from, this.#at);
  }

  #huffman(from: number, to: number): string {
    // The shortest code has five bits.
    const needed = Math.ceil(((to - from) * 8) / 5);
    if (scratch.length < needed) scratch = Buffer.allocUnsafeSlow(needed);
    const length = decodeHuffman(this.#input, from, to, scratch);
    if (length >= 0) return latin1(scratch, 0, length);
    this.#reason = 'a malformed Huffman code';
    return '';
  }

  #insert(field: HeaderField): void {
    const bytes = field.name.length + field.value.length + ENTRY_OVERHEAD;
    this.#evictDownTo(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) return;
    this.#entries.push(field);
    this.#bytes += bytes;
  }

  #resize(bytesMax: number): void {
    if (bytesMax > TABLE_BYTES) this.#reason ??= 'a table that is larger than allowed';
    if (this.#reason !== null) return;
    this.#bytesMax = bytesMax;
    this.#evictDownTo(bytesMax);
  }

  #evictDownTo(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.#oldest < this.#entries.length) {
      const { name, value } = this.#entries[this.#oldest]!;
      this.#oldest++;
      this.#bytes -= name.length + value.length + ENTRY_OVERHEAD;
    }
    if (this.#oldest < COMPACT_AT) return;
    this.#entries = this.#entries.slice(this.#oldest);
    this.#oldest = 0;
  }
}

function latin1(bytes: Buffer, from: number, to: number): string {
  return (bytes as unknown as Latin1Buffer).latin1Slice(from, to);
}
