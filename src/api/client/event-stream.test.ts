import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { readEventStream } from './event-stream.ts';

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(stream) {
      for (const chunk of chunks) stream.enqueue(chunk);
      stream.close();
    },
  });
}

const read = (text: string) => Array.fromAsync(readEventStream(streamOf([new TextEncoder().encode(text)])));

test('reads data, names, ids and comments as the standard says', async () => {
  expect(await read('data: one\n\n')).toEqual([{ event: 'message', data: 'one', id: '' }]);
  expect(await read('id: 7\nevent: woken\ndata: a\ndata: b\n\n')).toEqual([
    { event: 'woken', data: 'a\nb', id: '7' },
  ]);
  expect(await read(': quiet\n\ndata:no space\r\n\r\ndata: x\r\r')).toEqual([
    { event: 'message', data: 'no space', id: '' },
    { event: 'message', data: 'x', id: '' },
  ]);
  expect(await read('id: 1\ndata: a\n\ndata: b\n\n')).toMatchObject([{ id: '1' }, { id: '1' }]);
});

test('drops an event that was cut off, and one without data', async () => {
  expect(await read('data: whole\n\ndata: cut')).toHaveLength(1);
  expect(await read('event: empty\n\n')).toEqual([]);
});

test('gives the same events however the bytes are split', async () => {
  const events = 'id: 1\r\ndata: grüße 🌙\r\n\r\nevent: x\rdata: a\rdata: b\r\r: c\n\ndata: last\n\n';
  const bytes = new TextEncoder().encode(events);
  const whole = await read(events);
  expect(whole).toHaveLength(3);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 }), async (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((end, at) => bytes.slice(edges[at], end));
      expect(await Array.fromAsync(readEventStream(streamOf(chunks)))).toEqual(whole);
    }),
  );
});
