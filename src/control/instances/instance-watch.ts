/** What the runtime says of the instances of one service, brought to its machine: one was found, moved, or has ended. Keeps nothing. */
import type { Clock } from '../../base/clock.ts';
import type { FailedChecks, ObservedInstance } from '../../runtimes/contract.ts';
import { isAwake } from '../projects/project-draft.ts';
import type { ProjectInput } from '../projects/project-input.ts';
import type { InstanceEntry, ProjectState } from '../projects/project-state.ts';
import type { InstanceFacts } from './instance-facts.ts';
import type { Observer } from './inventory.ts';
import { type ChangeEvent, isMoved, isNews } from './runtime-news.ts';
import { failureOfExit } from './start-failure.ts';

export interface WatchedService {
  readonly state: ProjectState | null;
  readonly facts: ReadonlyMap<string, InstanceFacts>;
  /** The last lines that the instance wrote. */
  lines(instanceId: string, facts: InstanceFacts): Promise<readonly string[]>;
  send(input: ProjectInput): void;
  /** What a list says of the check that its image brings along; null: it does not fail, or there is none. */
  onImageChecked(instanceId: string, failed: FailedChecks | null): void;
}

export interface InstanceWatchNeeds {
  readonly clock: Clock;
  /** Something odd was heard of it: ask the runtime. */
  readonly onSuspect: (instanceId: string) => void;
}

export class InstanceWatch implements Observer {
  readonly #needs: InstanceWatchNeeds;
  readonly #subject: WatchedService;

  constructor(needs: InstanceWatchNeeds, subject: WatchedService) {
    this.#needs = needs;
    this.#subject = subject;
  }

  changesOf(id: string): number {
    return this.#subject.facts.get(id)?.changes ?? -1;
  }

  isNews(event: ChangeEvent): boolean {
    const entry = this.#entry(event.instanceId);
    const facts = this.#subject.facts.get(event.instanceId);
    return entry !== null && facts !== undefined && isNews(entry, facts, event);
  }

  /** What a list of the runtime says of an instance. */
  async observe(id: string, observed: ObservedInstance | null): Promise<void> {
    const entry = this.#entry(id);
    const facts = this.#subject.facts.get(id);
    if (!entry || !facts) return;
    if (entry.call !== null) {
      facts.isSuspect = true;
      return;
    }
    const state = observed?.state ?? 'absent';
    const hasMoved = state === 'running' && isMoved(facts, observed);
    const isUp = isAwake(entry) || entry.state === 'frozen';
    if (isUp && (hasMoved || state === 'exited' || state === 'prepared' || state === 'absent')) {
      return this.#onEnded(entry, facts, observed);
    }
    this.#subject.send({ kind: 'found', id, as: state === 'exited' ? 'prepared' : state });
    if (state === 'running') this.#subject.onImageChecked(id, observed?.failedChecks ?? null);
  }

  async #onEnded(
    entry: InstanceEntry,
    facts: InstanceFacts,
    observed: ObservedInstance | null,
  ): Promise<void> {
    const { changes } = facts;
    const { clock, onSuspect } = this.#needs;
    const logLines = await this.#subject.lines(entry.id, facts);
    if (facts.changes !== changes) return;
    facts.exit = observed?.exit ?? null;
    facts.address = null;
    const when = entry.state === 'running' ? 'while it served' : 'during its start';
    const exit = observed ? (observed.exit ?? unknownExit(clock.now())) : null;
    const failure = failureOfExit(exit, when, { at: clock.now(), logLines });
    this.#subject.send({ kind: 'exited', id: entry.id, failure });
    // Restarted by hand it runs already, and its start was no news while it was taken for running.
    if (observed) onSuspect(entry.id);
  }

  #entry(id: string): InstanceEntry | null {
    return this.#subject.state?.instances.find((entry) => entry.id === id) ?? null;
  }
}

function unknownExit(at: number): { code: null; signal: null; outOfMemory: false; at: number } {
  return { code: null, signal: null, outOfMemory: false, at };
}
