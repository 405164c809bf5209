/**
 * What one worker has counted of one service since somebody last took it: plain numbers, so that an exchange costs a
 * few additions. Owned by the service's desk; what was taken is the taker's to keep.
 */

/** Upper bounds of the histograms, seconds. */
export const DURATION_BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Names with their numbers; nothing that is 0. The names are fixed but for those of failures, which are few. */
export interface CountsTaken {
  /** Empty: requests that belong to no service. */
  readonly service: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** What is counted one by one. */
export type CountName =
  | 'connections'
  | 'handshakes'
  | 'holds'
  | 'wakes'
  | 'ejections'
  | 'quiet passed'
  | 'quiet answered'
  | 'bytes in'
  | 'bytes out';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'] as const;
const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const SINGLE: readonly CountName[] = [
  'connections',
  'handshakes',
  'holds',
  'wakes',
  'ejections',
  'quiet passed',
  'quiet answered',
  'bytes in',
  'bytes out',
];
/** Different codes of failures that a service has between two takings; beyond: `other`. */
const FAILURE_CODES_MAX = 64;

const REQUESTS_AT = 0;
const DURATION_AT = METHODS.length * STATUS_CLASSES.length;
/** A bucket for each bound, one for what is beyond, and the sum. */
const HISTOGRAM_CELLS = DURATION_BOUNDS.length + 2;
const WAIT_AT = DURATION_AT + HISTOGRAM_CELLS;
const SINGLE_AT = WAIT_AT + HISTOGRAM_CELLS;
const NAMES = cellNames();

export class ServiceCounts {
  readonly #service: string;
  readonly #changed: Set<ServiceCounts>;
  /** Made by the first count: most services of a worker sleep. */
  #cells: Float64Array | null = null;
  readonly #failures = new Map<string, number>();
  #hasChanged = false;

  /** `changed`: where it says that there is something to take. */
  constructor(service: string, changed: Set<ServiceCounts>) {
    this.#service = service;
    this.#changed = changed;
  }

  /** An exchange is over. A tunnel says nothing about how fast its app answers: `durationMs` is null. */
  exchange(method: string, status: number, durationMs: number | null): void {
    const cells = this.#noteChange();
    const statusClass = Math.min(STATUS_CLASSES.length, Math.max(1, Math.trunc(status / 100))) - 1;
    const cell = REQUESTS_AT + methodIndex(method) * STATUS_CLASSES.length + statusClass;
    cells[cell] = cells[cell]! + 1;
    if (durationMs !== null) observe(cells, DURATION_AT, durationMs / 1000);
  }

  /** A request was held for a wake so long. */
  waited(durationMs: number): void {
    observe(this.#noteChange(), WAIT_AT, durationMs / 1000);
  }

  /** An answer of the edge's own, or a cut. */
  failed(code: string): void {
    this.#noteChange();
    const isRoom = this.#failures.has(code) || this.#failures.size < FAILURE_CODES_MAX;
    const name = isRoom ? code : 'other';
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
  }

  add(name: CountName, by = 1): void {
    const cells = this.#noteChange();
    const cell = SINGLE_AT + SINGLE.indexOf(name);
    cells[cell] = cells[cell]! + by;
  }

  /** Begins again at nothing. */
  take(): CountsTaken {
    const counts: Record<string, number> = {};
    const cells = this.#cells;
    for (let cell = 0; cells !== null && cell < cells.length; cell++) {
      if (cells[cell] !== 0) counts[NAMES[cell]!] = cells[cell]!;
    }
    for (const [code, count] of this.#failures) counts[`failure ${code}`] = count;
    cells?.fill(0);
    this.#failures.clear();
    this.#hasChanged = false;
    return { service: this.#service, counts };
  }

  #noteChange(): Float64Array {
    if (!this.#hasChanged) {
      this.#hasChanged = true;
      this.#changed.add(this);
    }
    this.#cells ??= new Float64Array(NAMES.length);
    return this.#cells;
  }
}

function observe(cells: Float64Array, at: number, seconds: number): void {
  let bucket = 0;
  while (bucket < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[bucket]!) bucket++;
  cells[at + bucket] = cells[at + bucket]! + 1;
  const sum = at + HISTOGRAM_CELLS - 1;
  cells[sum] = cells[sum]! + seconds;
}

function methodIndex(method: string): number {
  const index = METHODS.indexOf(method as (typeof METHODS)[number]);
  return index < 0 ? METHODS.length - 1 : index;
}

function cellNames(): readonly string[] {
  const requests = METHODS.flatMap((method) =>
    STATUS_CLASSES.map((status) => `requests ${method} ${status}`),
  );
  const histogram = (name: string): string[] => [
    ...DURATION_BOUNDS.map((bound) => `${name} ${bound}`),
    `${name} +Inf`,
    `${name} sum`,
  ];
  return [...requests, ...histogram('duration'), ...histogram('wait'), ...SINGLE];
}
