/**
 * Tells owners what the board shows of their services: those whose numbers changed since they were last told.
 * Owns what was told last; looks only at services whose gate is open or that hold, and once more after, and only when
 * something moved since the last look: of fifty that are awake and quiet nothing is read.
 */
import type { Board } from '../../edge/board/index.ts';
import type { ServiceActivity } from '../client/contract.ts';
import type { GateRunner } from './gate-runner.ts';
import type { ServiceEntry } from './service-entry.ts';

export class ActivityWatch {
  readonly #runner: GateRunner;
  readonly #board: Pick<Board, 'stirs'>;
  readonly #watched = new Set<ServiceEntry>();
  readonly #told = new Map<ServiceEntry, ServiceActivity>();

  /** Of the board at the last look. */
  #seenStirs = 0;
  #isDue = true;

  constructor(runner: GateRunner, board: Pick<Board, 'stirs'>) {
    this.#runner = runner;
    this.#board = board;
  }

  /** Something may move on it from now on. */
  watch(entry: ServiceEntry): void {
    this.#watched.add(entry);
    this.#isDue = true;
  }

  /** Something else than the board has changed: a gate, or who listens. */
  changed(): void {
    this.#isDue = true;
  }

  /** Whether there is something to look at since it was asked last. Before the rows are read: what moves after that is due again. */
  takeDue(): boolean {
    const stirs = this.#board.stirs();
    const isDue = this.#isDue || stirs !== this.#seenStirs;
    this.#seenStirs = stirs;
    this.#isDue = false;
    return isDue;
  }

  get watched(): Iterable<ServiceEntry> {
    return this.#watched;
  }

  forget(entry: ServiceEntry): void {
    this.#watched.delete(entry);
    this.#told.delete(entry);
  }

  /** What an owner was told in another way, so that it is not told again. */
  told(entry: ServiceEntry, activity: ServiceActivity): void {
    this.#told.set(entry, activity);
  }

  /** By owner, what has changed since the last look; `isListening` says whom it can be told. */
  collect(isListening: (owner: string) => boolean): Map<string, ServiceActivity[]> {
    const changed = new Map<string, ServiceActivity[]>();
    for (const entry of this.#watched) {
      const activity = this.#runner.activity(entry);
      if (isIdle(entry, activity)) this.#watched.delete(entry);
      if (!isListening(entry.owner) || isSame(this.#told.get(entry), activity)) continue;
      this.#told.set(entry, activity);
      const ofOwner = changed.get(entry.owner);
      if (ofOwner) ofOwner.push(activity);
      else changed.set(entry.owner, [activity]);
    }
    return changed;
  }
}

function isIdle(entry: ServiceEntry, activity: ServiceActivity): boolean {
  const isWaiting = entry.gate.targets.some(({ state }) => state === 'starting');
  return entry.gate.phase.kind === 'closed' && !isWaiting && activity.inFlight === 0 && activity.held === 0;
}

function isSame(told: ServiceActivity | undefined, now: ServiceActivity): boolean {
  if (!told) return false;
  return told.inFlight === now.inFlight && told.held === now.held && told.ends === now.ends;
}
