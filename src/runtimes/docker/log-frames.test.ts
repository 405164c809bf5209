import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isLumaError } from '../../base/errors.ts';
import { limits } from './limits.ts';
import { LogFrames, type TimedLine } from './log-frames.ts';

const time = (n: number): string => `2026-01-02T03:04:05.${String(n).padStart(9, '0')}Z`;

function frame(stream: 1 | 2, message: Uint8Array | string): Uint8Array {
  const body = typeof message === 'string' ? new TextEncoder().encode(message) : message;
  const head = new Uint8Array(8);
  head[0] = stream;
  new DataView(head.buffer).setUint32(4, body.length);
  return Buffer.concat([head, body]);
}

function readAll(chunks: readonly Uint8Array[]): TimedLine[] {
  const frames = new LogFrames();
  return [...chunks.flatMap((chunk) => frames.push(chunk)), ...frames.end()];
}

function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index]!, end));
}

describe('log frames', () => {
  test('carry a time, a stream and a line', () => {
    expect(readAll([frame(2, `${time(7)} went wrong\r\n`)])).toEqual([
      { time: time(7), line: { at: Date.UTC(2026, 0, 2, 3, 4, 5), stream: 'stderr', text: 'went wrong' } },
    ]);
  });

  test('keep empty lines and spaces', () => {
    const texts = readAll([frame(1, `${time(1)} \n`), frame(1, `${time(2)}   x \n`)]).map(
      ({ line }) => line.text,
    );
    expect(texts).toEqual(['', '  x ']);
  });

  test('of one long line are joined, also when cut within a character, with the other stream in between', () => {
    const euro = new TextEncoder().encode('€');
    const head = (n: number): Uint8Array => new TextEncoder().encode(`${time(n)} `);
    const lines = readAll([
      frame(1, Buffer.concat([head(1), euro.subarray(0, 1)])),
      frame(2, `${time(2)} other\n`),
      frame(1, Buffer.concat([head(3), euro.subarray(1), new TextEncoder().encode('!\n')])),
    ]);
    expect(lines.map(({ time, line }) => [time, line.text])).toEqual([
      [time(2), 'other'],
      [time(1), '€!'],
    ]);
  });

  test('without a last line feed are told at the end', () => {
    expect(readAll([frame(1, `${time(1)} unfinished`)]).map(({ line }) => line.text)).toEqual(['unfinished']);
  });

  test('of an endless line are cut at the limit', () => {
    const piece = 'x'.repeat(16_384);
    const count = limits.logLineBytesMax / piece.length;
    const lines = readAll(Array.from({ length: count + 1 }, (_, n) => frame(1, `${time(n)} ${piece}`)));
    expect(lines.map(({ line }) => line.text.length)).toEqual([limits.logLineBytesMax, piece.length]);
  });

  test('give the same lines however the stream is cut', () => {
    const message = fc.record({
      stream: fc.constantFrom<1 | 2>(1, 2),
      text: fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
      isWhole: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(
            messages.map(({ stream, text, isWhole }, n) =>
              frame(stream, `${time(n)} ${text}${isWhole ? '\n' : ''}`),
            ),
          );
          expect(readAll(cut(bytes, cuts))).toEqual(readAll([bytes]));
        },
      ),
    );
  });

  test.each([[Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 1, 65)], [Uint8Array.of(1, 0, 0, 0, 255, 255, 255, 255)]])(
    'that are none are refused instead of being waited for',
    (bytes) => {
      let failure: unknown;
      try {
        new LogFrames().push(bytes);
      } catch (error) {
        failure = error;
      }
      expect(isLumaError(failure, 'runtime_failed')).toBe(true);
    },
  );
});
