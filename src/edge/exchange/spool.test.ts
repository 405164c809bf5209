import { expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { Spool, SpoolBudget } from './spool.ts';

const limits = { spoolMemoryBytesMax: 100, spoolsMemoryBytesMax: 150, spoolBytesMax: 1_000 };

function say(spool: Spool, text: string): void {
  spool.write(Buffer.from(text, 'latin1'), 0, text.length);
}

function rest(spool: Spool): string {
  let text = '';
  for (let piece = spool.take(); piece !== null; piece = spool.take()) text += piece.toString('latin1');
  return text;
}

test('whatever is written and taken in whatever turns comes out whole and in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ maxLength: 80 }), fc.constant(null)), { maxLength: 60 }),
      (turns) => {
        const budget = new SpoolBudget();
        const spool = new Spool(limits, budget);
        let written = '';
        let taken = '';
        for (const turn of turns) {
          if (turn === null) taken += spool.take()?.toString('latin1') ?? '';
          else {
            const bytes = Buffer.from(`<${turn}>`, 'latin1');
            spool.write(Buffer.concat([Buffer.from('x'), bytes]), 1, bytes.length + 1);
            written += bytes.toString('latin1');
          }
          expect(spool.bytes).toBe(written.length - taken.length);
          expect(budget.memoryBytes).toBeLessThanOrEqual(100);
        }
        expect(taken + rest(spool)).toBe(written);
        expect(budget.memoryBytes).toBe(0);
        spool.close();
      },
    ),
    { numRuns: 200 },
  );
});

test('memory is for all spools together: beyond it they go to their files at once', () => {
  const budget = new SpoolBudget();
  const spools = [1, 2, 3].map(() => new Spool(limits, budget));
  for (const spool of spools) say(spool, 'x'.repeat(90));
  expect(budget.memoryBytes).toBe(90);
  for (const spool of spools) expect(rest(spool)).toBe('x'.repeat(90));
  for (const spool of spools) spool.close();
});

test('it is full at its limit, and not one byte before', () => {
  const spool = new Spool(limits, new SpoolBudget());
  say(spool, 'x'.repeat(999));
  expect(spool.isFull).toBe(false);
  say(spool, 'x');
  expect(spool.isFull).toBe(true);
  spool.close();
  expect(spool.bytes).toBe(0);
});

test('its file has no name, so nothing is left of it', () => {
  const spool = new Spool(limits, new SpoolBudget());
  say(spool, 'x'.repeat(500));
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('luma-spool-'))).toEqual([]);
  spool.close();
  spool.close();
});
