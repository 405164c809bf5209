/**
 * A worker's counts on their way to its daemon: what has been added, once a second, also when that is nothing, for the
 * daemon takes a worker that says nothing for one that hangs. What is handed to `send` is taken
 * from the worker at that moment and never said again; while nobody listens, it goes on gathering.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { AccessLog, CountsTaken, Edge, EdgeStats } from '../../edge/index.ts';
import { COUNTS_PERIOD_MS } from '../limits.ts';

export interface WorkerCounts {
  /** Connections of clients that are open now. */
  readonly clients: number;
  readonly services: readonly CountsTaken[];
}

export interface CountsBeatOptions {
  readonly edge: Pick<Edge, 'stats' | 'takeCounts'>;
  readonly accessLog: AccessLog | null;
  readonly clock: Clock;
  readonly isListening: () => boolean;
  readonly send: (counts: WorkerCounts) => void;
}

export class CountsBeat {
  readonly #options: CountsBeatOptions;
  #timer: Timer | null = null;
  #whole: Readonly<Record<string, number>> = {};

  constructor(options: CountsBeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.after(COUNTS_PERIOD_MS, () => {
      this.start();
      this.sendNow();
    });
  }

  /** Also for the last ones, before a worker ends. */
  sendNow(): void {
    const { edge, isListening, send } = this.#options;
    if (!isListening()) return;
    const stats = edge.stats();
    const services = [...edge.takeCounts(), ...this.#takeWhole(stats)];
    send({ clients: stats.clients, services });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Numbers that the worker only keeps since its start: what they have grown by. */
  #takeWhole({ turnedAway }: EdgeStats): CountsTaken[] {
    const now: Record<string, number> = {
      'turned away total': turnedAway.byTotal,
      'turned away address': turnedAway.byAddress,
      'turned away proxy_header': turnedAway.byProxyHeader,
      'access log dropped': this.#options.accessLog?.droppedCount ?? 0,
    };
    const grown = Object.entries(now)
      .map(([name, value]) => [name, value - (this.#whole[name] ?? 0)] as const)
      .filter(([, by]) => by > 0);
    this.#whole = now;
    return grown.length === 0 ? [] : [{ service: '', counts: Object.fromEntries(grown) }];
  }
}
