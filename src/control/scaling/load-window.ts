/** The load over the last minute: exchanges in flight and held, as an area over time in buckets. Owns its buckets. */
import { BUCKET_MS, STABLE_WINDOW_MS } from './limits.ts';

const BUCKETS = STABLE_WINDOW_MS / BUCKET_MS + 2;

export class LoadWindow {
  /** Load times milliseconds, by bucket number modulo their count. */
  readonly #areas = new Float64Array(BUCKETS);
  #beganMs: number | null = null;
  #untilMs = 0;
  /** The one that is being filled. */
  #bucket = -1;
  #load = 0;

  get load(): number {
    return this.#load;
  }

  /** From now on it is so much. */
  record(nowMs: number, load: number): void {
    if (this.#beganMs === null) {
      this.#beganMs = nowMs;
      this.#untilMs = nowMs;
    }
    this.#fillUntil(nowMs);
    this.#load = load;
  }

  /**
   * The average over the last `windowMs`, or since the record began where that is less.
   * 0 for 3 s and then 200 for 3 s, over 6 s: 100. Woken 1 s ago by 200: 200.
   */
  average(nowMs: number, windowMs: number): number {
    if (this.#beganMs === null) return 0;
    this.#fillUntil(nowMs);
    const spanMs = Math.min(windowMs, nowMs - this.#beganMs);
    if (spanMs <= 0) return this.#load;
    // At a bucket's very beginning nothing is in it yet.
    const last = Math.ceil(nowMs / BUCKET_MS) - 1;
    const first = Math.floor((nowMs - spanMs) / BUCKET_MS);
    let area = 0;
    for (let bucket = first + 1; bucket <= last; bucket++) area += this.#areas[bucket % BUCKETS] ?? 0;
    // Of the first bucket only what lies within, as if its load had been even; all of it where the record began there.
    const fromMs = nowMs - spanMs;
    const isWhole = fromMs === this.#beganMs;
    const within = isWhole ? 1 : Math.min(1, ((first + 1) * BUCKET_MS - fromMs) / BUCKET_MS);
    area += (this.#areas[first % BUCKETS] ?? 0) * within;
    return area / spanMs;
  }

  forget(): void {
    this.#beganMs = null;
    this.#load = 0;
    this.#bucket = -1;
    this.#areas.fill(0);
  }

  #fillUntil(nowMs: number): void {
    // Beyond a whole window nothing of before is left.
    if (nowMs - this.#untilMs > STABLE_WINDOW_MS + BUCKET_MS)
      this.#untilMs = nowMs - STABLE_WINDOW_MS - BUCKET_MS;
    while (this.#untilMs < nowMs) {
      const bucket = Math.floor(this.#untilMs / BUCKET_MS);
      const endMs = Math.min(nowMs, (bucket + 1) * BUCKET_MS);
      if (bucket !== this.#bucket) this.#areas[bucket % BUCKETS] = 0;
      this.#bucket = bucket;
      this.#areas[bucket % BUCKETS]! += this.#load * (endMs - this.#untilMs);
      this.#untilMs = endMs;
    }
  }
}
