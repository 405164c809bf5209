/** Waits for conditions of the outside world, with a deadline instead of a fixed sleep. */
const limitMs = 30_000;
const pollMs = 5;

export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await Bun.sleep(pollMs);
  }
}
