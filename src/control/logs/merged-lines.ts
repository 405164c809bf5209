/** The lines of several instances in the order of their times; each one's own order is kept. Keeps one line of each, and the tail. */
import type { LogLine } from '../../runtimes/contract.ts';

/** `tail`: only the last so many of all. */
export async function* mergedLines<L extends LogLine>(
  sources: readonly AsyncIterable<L>[],
  tail?: number,
): AsyncGenerator<L> {
  if (tail === undefined) {
    yield* inOrder(sources);
    return;
  }
  const last: L[] = [];
  for await (const line of inOrder(sources)) {
    last.push(line);
    if (last.length >= tail * 2 + 1_000) last.splice(0, last.length - tail);
  }
  if (tail > 0) yield* last.slice(-tail);
}

interface Head<L> {
  readonly source: AsyncIterator<L>;
  line: L;
}

async function* inOrder<L extends LogLine>(sources: readonly AsyncIterable<L>[]): AsyncGenerator<L> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  try {
    const begun = await Promise.all(iterators.map((source) => headOf(source)));
    const heads = begun.filter((head) => head !== null);
    while (heads.length > 0) {
      const first = heads.reduce((least, head) => (head.line.at < least.line.at ? head : least));
      yield first.line;
      const next = await first.source.next();
      if (next.done) heads.splice(heads.indexOf(first), 1);
      else first.line = next.value;
    }
  } finally {
    await Promise.all(iterators.map((source) => source.return?.()));
  }
}

async function headOf<L>(source: AsyncIterator<L>): Promise<Head<L> | null> {
  const next = await source.next();
  return next.done ? null : { source, line: next.value };
}
