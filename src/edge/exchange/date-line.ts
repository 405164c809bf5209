/** The `Date` line of answers (RFC 9110 §6.6.1): its text is made once a second, by the clock of the sweep. */
import type { Clock } from '../../base/clock.ts';
import type { DeadlineSweep } from '../sockets/deadline-sweep.ts';

const SECOND_MS = 1_000;

export class DateLine {
  readonly #clock: Clock;
  readonly #sweep: DeadlineSweep;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #second = -1;
  #line = '';

  constructor(clock: Clock, sweep: DeadlineSweep) {
    this.#clock = clock;
    this.#sweep = sweep;
  }

  line(): string {
    if (this.#sweep.nowMs === this.#lookedAtMs) return this.#line;
    this.#lookedAtMs = this.#sweep.nowMs;
    const second = Math.floor(this.#clock.now() / SECOND_MS);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `Date: ${new Date(second * SECOND_MS).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}
