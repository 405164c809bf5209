/** Fresh request ids: a random start per worker and a count, so each costs a few nanoseconds. */
import { randomBytes } from 'node:crypto';

export class RequestIds {
  readonly #start = `${randomBytes(8).toString('hex')}-`;
  #count = 0;

  next(): string {
    return this.#start + this.#count++;
  }
}
