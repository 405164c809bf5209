/** Lets one piece of work at a time happen under a key, in the order of asking. Owns the queues' ends. */

export class Turns {
  readonly #lastByKey = new Map<string, Promise<unknown>>();

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#lastByKey.get(key) ?? Promise.resolve();
    // Whether the one before succeeded is its caller's concern.
    const mine = before.then(work, work);
    this.#lastByKey.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#lastByKey.get(key) === mine) this.#lastByKey.delete(key);
    }
  }
}
