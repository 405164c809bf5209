import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isLumaError } from '../../base/errors.ts';
import { jsonLines } from './json-lines.ts';
import { limits } from './limits.ts';

async function* chunks(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const failureOf = (stream: AsyncIterable<Uint8Array>): Promise<unknown> =>
  Array.fromAsync(jsonLines(stream)).then(
    () => null,
    (error: unknown) => error,
  );

test('objects come out one by one, however the stream is cut', async () => {
  const objects = fc.array(fc.record({ text: fc.string({ unit: 'grapheme' }), n: fc.integer() }), {
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(
      objects,
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.boolean(),
      async (list, cuts, isEnded) => {
        const whole = bytes(list.map((one) => JSON.stringify(one)).join('\r\n') + (isEnded ? '\n\n' : ''));
        const edges = [0, ...cuts.map((at) => at % (whole.length + 1)).sort((a, b) => a - b), whole.length];
        const pieces = edges.slice(1).map((end, index) => whole.subarray(edges[index], end));
        expect(await Array.fromAsync(jsonLines(chunks(...pieces)))).toEqual(list);
      },
    ),
  );
});

test('what is no object is an error that shows it', async () => {
  for (const text of ['{"a":\n', '7\n', 'null', 'page not found\n']) {
    const failure = await failureOf(chunks(bytes(text)));
    expect(isLumaError(failure, 'runtime_failed')).toBe(true);
    expect((failure as Error).message).toContain(text.trim());
  }
});

test('a line without an end is an error at the limit, and not before', async () => {
  const pad = 'x'.repeat(limits.jsonLineBytesMax - '{"a":""}'.length);
  const object = bytes(`{"a":"${pad}"}`);
  expect(object.length).toBe(limits.jsonLineBytesMax);
  expect(await failureOf(chunks(object))).toBeNull();
  expect(isLumaError(await failureOf(chunks(object, bytes(' '))), 'runtime_failed')).toBe(true);
});
