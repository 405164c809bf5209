/** Many waits, only so many at once. */

/** Resolves when all have; rejects with the first that does, and begins no more. */
export async function inBatches<T>(
  items: readonly T[],
  atOnceMax: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let hasFailed = false;
  const work = async (): Promise<void> => {
    while (next < items.length && !hasFailed) {
      const item = items[next]!;
      next += 1;
      try {
        await run(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, work));
}
