/**
 * Which instances should have a sandbox, and which of them must give theirs up: the one that has slept longest
 * goes first. Owns only this knowledge; the engine's containers are the business of `sandboxes.ts`. Synchronous.
 */
interface Entry {
  /** Milliseconds since the Unix epoch; null while the instance runs, which keeps its sandbox whatever happens. */
  sleepsSince: number | null;
}

export class SandboxRegister {
  readonly #most: number;
  readonly #entries = new Map<string, Entry>();

  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#entries.size;
  }

  get hasRoom(): boolean {
    return this.#entries.size < this.#most;
  }

  has(instanceId: string): boolean {
    return this.#entries.has(instanceId);
  }

  instanceIds(): readonly string[] {
    return [...this.#entries.keys()];
  }

  add(instanceId: string, sleepsSince: number | null): void {
    this.#entries.set(instanceId, { sleepsSince });
  }

  drop(instanceId: string): void {
    this.#entries.delete(instanceId);
  }

  noteAwake(instanceId: string): void {
    const entry = this.#entries.get(instanceId);
    if (entry) entry.sleepsSince = null;
  }

  /** Of one that sleeps already the first moment counts. */
  noteAsleep(instanceId: string, since: number): void {
    const entry = this.#entries.get(instanceId);
    if (entry) entry.sleepsSince ??= since;
  }

  /**
   * Drops those that must go, and returns them. While more instances run than may have sandboxes, none sleeps
   * with one, and there are as many as run: a running instance cannot do without.
   */
  dropExcess(): readonly string[] {
    const excess = this.#entries.size - this.#most;
    if (excess <= 0) return [];
    const sleepers = [...this.#entries].flatMap(([instanceId, { sleepsSince }]) =>
      sleepsSince === null ? [] : [{ instanceId, sleepsSince }],
    );
    const going = sleepers
      .sort((a, b) => a.sleepsSince - b.sleepsSince)
      .slice(0, excess)
      .map(({ instanceId }) => instanceId);
    for (const instanceId of going) this.#entries.delete(instanceId);
    return going;
  }
}
