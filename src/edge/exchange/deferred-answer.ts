/**
 * What a target has said of its answer, and a slow client has not taken yet: so that the target need not wait for it.
 * Made when the client clogs; owns where it waits.
 */
import type { FieldSection } from '../http1/field-section.ts';
import type { ClientSide } from './client-side.ts';
import { Spool, type SpoolBudget, type SpoolLimits } from './spool.ts';

export class DeferredAnswer {
  /** Of an answer that is whole. */
  trailers: FieldSection | null = null;
  readonly #client: ClientSide;
  readonly #spool: Spool;

  constructor(client: ClientSide, limits: SpoolLimits, budget: SpoolBudget) {
    this.#client = client;
    this.#spool = new Spool(limits, budget);
  }

  get isEmpty(): boolean {
    return this.#spool.bytes === 0;
  }

  /** The client has caught up: what comes now may go to it at once. */
  get isIdle(): boolean {
    return this.isEmpty && this.#client.backlogBytes === 0;
  }

  get isFull(): boolean {
    return this.#spool.isFull;
  }

  add(bytes: Buffer, from: number, to: number): void {
    this.#spool.write(bytes, from, to);
  }

  /** As much as the client takes. */
  deliver(): void {
    while (this.#client.backlogBytes === 0) {
      const piece = this.#spool.take();
      if (piece === null) return;
      this.#client.writeAnswer(piece, 0, piece.length);
    }
  }

  close(): void {
    this.#spool.close();
  }
}
