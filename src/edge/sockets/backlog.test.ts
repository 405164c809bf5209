import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { Backlog, type ByteTaker, release } from './backlog.ts';

/** Takes as much as it is told to, piece by piece. */
class Taker implements ByteTaker {
  taken = '';
  readonly #amounts: number[];

  constructor(amounts: readonly number[]) {
    this.#amounts = [...amounts];
  }

  write(bytes: Buffer, from: number, length: number): number {
    const amount = Math.min(length, this.#amounts.shift() ?? length);
    if (amount > 0) this.taken += bytes.toString('latin1', from, from + amount);
    return amount;
  }
}

test('gives everything once and in order, however little is taken at a time', () => {
  const parts = fc.array(fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' }), { minLength: 1 });
  fc.assert(
    fc.property(parts, fc.array(fc.integer({ min: -1, max: 7 })), (texts, amounts) => {
      const backlog = new Backlog();
      const given = texts.join('');
      for (const text of texts) {
        const bytes = Buffer.from(`<${text}>`);
        backlog.add(bytes, 1, bytes.length - 1);
        bytes.fill('!');
      }
      expect(backlog.bytes).toBe(given.length);
      const taker = new Taker(amounts);
      while (!backlog.sendTo(taker)) expect(backlog.bytes).toBe(given.length - taker.taken.length);
      expect(taker.taken).toBe(given);
      expect(backlog.bytes).toBe(0);
    }),
  );
});

test('a large part is still whole after it was taken in two', () => {
  const backlog = new Backlog();
  const text = 'abcd'.repeat(64 * 1024);
  backlog.add(Buffer.from(text), 0, text.length);
  const taker = new Taker([100_000]);
  expect(backlog.sendTo(taker)).toBe(false);
  expect(backlog.sendTo(taker)).toBe(true);
  expect(taker.taken).toBe(text);
});

test('what is released is empty if it is large and alone in its memory', () => {
  const large = Buffer.allocUnsafeSlow(256 * 1024);
  const small = Buffer.allocUnsafeSlow(1024);
  const shared = Buffer.allocUnsafeSlow(512 * 1024).subarray(0, 256 * 1024);
  for (const bytes of [large, small, shared]) release(bytes);
  expect([large.length, small.length, shared.length]).toEqual([0, 1024, 256 * 1024]);
});
