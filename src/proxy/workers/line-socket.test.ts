import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { LineSocket, lineHandlers, parseLine } from './line-socket.ts';

const LIMITS = { lineBytesMax: 1_000, backlogBytesMax: 10_000 };

interface Wire {
  readonly taken: Buffer[];
  isTerminated: boolean;
  /** How many bytes each write takes; afterwards everything. */
  readonly takes: number[];
}

function openOn(wire: Wire, limits = LIMITS): { lines: LineSocket; heard: string[]; closed: string[] } {
  const heard: string[] = [];
  const closed: string[] = [];
  const lines = new LineSocket(
    { onLine: (line) => heard.push(line), onClose: (reason) => closed.push(reason) },
    limits,
  );
  const socket = {
    write(bytes: Buffer): number {
      const count = Math.min(wire.takes.shift() ?? bytes.length, bytes.length);
      wire.taken.push(Buffer.from(bytes.subarray(0, count)));
      return count;
    },
    terminate: () => {
      wire.isTerminated = true;
    },
  };
  lines.opened(socket as unknown as Parameters<LineSocket['opened']>[0]);
  return { lines, heard, closed };
}

const newWire = (takes: number[] = []): Wire => ({ taken: [], isTerminated: false, takes });

test('every split of the input gives the same lines', () => {
  const words = fc.array(fc.string({ maxLength: 30 }).map((text) => JSON.stringify({ text })));
  fc.assert(
    fc.property(words, fc.array(fc.nat(40)), (expected, cuts) => {
      const { lines, heard } = openOn(newWire());
      let rest = Buffer.from(expected.map((line) => `${line}\n`).join(''));
      for (const cut of cuts) {
        lines.received(rest.subarray(0, cut));
        rest = rest.subarray(cut);
      }
      lines.received(rest);
      expect(heard).toEqual(expected);
    }),
  );
});

test('whatever the kernel takes of each write, the peer gets every byte once and in order', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 50 })), fc.array(fc.nat(20)), (texts, takes) => {
      const wire = newWire([...takes]);
      const { lines } = openOn(wire);
      for (const text of texts) lines.send({ text });
      for (let round = 0; round <= takes.length; round++) lines.drained();
      const sent = Buffer.concat(wire.taken).toString();
      expect(sent).toBe(texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    }),
  );
});

test('a line at the limit is heard, one byte more ends the conversation', () => {
  const atLimit = openOn(newWire());
  atLimit.lines.received(Buffer.from('x'.repeat(LIMITS.lineBytesMax)));
  atLimit.lines.received(Buffer.from('\n'));
  expect(atLimit.heard).toEqual(['x'.repeat(LIMITS.lineBytesMax)]);
  const wire = newWire();
  const over = openOn(wire);
  over.lines.received(Buffer.from('x'.repeat(LIMITS.lineBytesMax + 1)));
  expect([over.closed, wire.isTerminated]).toEqual([['a line is too long'], true]);
});

test('a peer that does not read is cut off at the limit, once', () => {
  const wire = newWire(new Array<number>(100).fill(0));
  const { lines, closed } = openOn(wire);
  for (let sent = 0; sent < 30; sent++) lines.send({ text: 'x'.repeat(500) });
  expect(closed).toEqual(['the peer does not read']);
  expect(lines.isOpen).toBe(false);
});

test('what is no JSON is said by name', () => {
  expect(() => parseLine('{"type":')).toThrow('a line is no JSON: {"type":');
});

test('megabytes pass a real socket whole', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'luma-lines-'));
  const { promise, resolve } = Promise.withResolvers<string>();
  const limits = { lineBytesMax: 64 * 1024 * 1024, backlogBytesMax: 64 * 1024 * 1024 };
  const server = Bun.listen<LineSocket>({
    unix: join(dir, 's'),
    socket: {
      ...lineHandlers,
      open: (socket) => {
        socket.data = new LineSocket({ onLine: resolve, onClose: () => {} }, limits);
        socket.data.opened(socket);
      },
    },
  });
  const client = new LineSocket({ onLine: () => {}, onClose: () => {} }, limits);
  const data = client;
  client.opened(await Bun.connect({ unix: join(dir, 's'), data, socket: lineHandlers }));
  const text = 'äöü'.repeat(2_000_000);
  client.send({ text });
  expect(JSON.parse(await promise)).toEqual({ text });
  client.close('done');
  server.stop(true);
  rmSync(dir, { recursive: true });
});
