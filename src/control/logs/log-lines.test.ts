import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { LogLine } from '../../runtimes/contract.ts';
import { LogInbox } from './log-inbox.ts';
import { mergedLines } from './merged-lines.ts';
import { ReadMark } from './read-mark.ts';

const line = (at: number, text = String(at)): LogLine => ({ at, stream: 'stdout', text });
async function* of<L>(lines: readonly L[]): AsyncGenerator<L> {
  yield* lines;
}

/** Of one instance: times only grow, and several lines may have the same. */
const output = fc
  .array(fc.nat(2), { maxLength: 30 })
  .map((steps) => steps.map((_, at) => steps.slice(0, at + 1).reduce((sum, step) => sum + step, 0)));

describe('the lines of several instances', () => {
  test('come in the order of their times, each one’s in its own, and the tail is that of all', async () => {
    const outputs = fc.array(output, { maxLength: 5 });
    const tails = fc.option(fc.nat(40), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(outputs, tails, async (times, tail) => {
        const sources = times.map((each, who) => each.map((at, n) => line(at, `${who} ${n}`)));
        const whole = await Array.fromAsync(mergedLines(sources.map(of)));
        expect(whole.map(({ at }) => at)).toEqual(times.flat().toSorted((a, b) => a - b));
        for (const [who, source] of sources.entries()) {
          expect(whole.filter(({ text }) => text.startsWith(`${who} `))).toEqual(source);
        }
        const last = await Array.fromAsync(mergedLines(sources.map(of), tail));
        expect(last).toEqual(
          tail === undefined ? whole : whole.slice(whole.length - Math.min(tail, whole.length)),
        );
      }),
    );
  });

  test('are ended when nobody reads them any more', async () => {
    const ended: string[] = [];
    async function* endless(name: string): AsyncGenerator<LogLine> {
      try {
        for (let at = 0; ; at++) yield line(at);
      } finally {
        ended.push(name);
      }
    }
    for await (const { at } of mergedLines([endless('a'), endless('b')])) if (at > 3) break;
    expect(ended.toSorted()).toEqual(['a', 'b']);
  });
});

test('whoever is followed after a read is heard from the next line on, none twice and none lost', async () => {
  await fc.assert(
    fc.asyncProperty(output, fc.nat(30), async (times, readCount) => {
      const all = times.map((at, n) => line(at, String(n)));
      const mark = new ReadMark();
      const read = await Array.fromAsync(mark.noting(of(all.slice(0, readCount))));
      const later = all.filter(({ at }) => mark.at === undefined || at >= mark.at);
      expect([...read, ...(await Array.fromAsync(mark.after(of(later))))]).toEqual(all);
    }),
  );
});

describe('an inbox', () => {
  test('holds one line of each writer, who waits until it is taken', async () => {
    const inbox = new LogInbox<number>();
    const put: number[] = [];
    const write = async (from: number): Promise<void> => {
      for (let n = from; n < from + 3; n++) {
        await inbox.put(n);
        put.push(n);
      }
    };
    const writers = Promise.all([write(10), write(20)]).then(() => inbox.close());
    await Bun.sleep(0);
    expect(put).toEqual([]);
    expect(await Array.fromAsync(inbox.lines())).toEqual([10, 20, 11, 21, 12, 22]);
    await writers;
  });

  test('tells its reader what is wrong after what came before, and keeps nobody waiting afterwards', async () => {
    const inbox = new LogInbox<number>();
    const first = inbox.put(1);
    inbox.fail(new Error('the engine is away'));
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      for await (const each of inbox.lines()) seen.push(each);
    };
    await expect(read()).rejects.toThrow('the engine is away');
    await first;
    await inbox.put(2);
    expect(seen).toEqual([1]);
  });
});
