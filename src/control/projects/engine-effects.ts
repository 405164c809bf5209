/** Runs the effects that call the runtime and the store for one instance; each ends in exactly one input. */
import type { Timer } from '../../base/clock.ts';
import type { LumaError } from '../../base/errors.ts';
import { startupOf } from '../../domain/probe.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type {
  InstanceAddress,
  InstanceSpec,
  PreparedInstance,
  StartedInstance,
} from '../../runtimes/contract.ts';
import type { InstanceIntent } from '../../store/contract.ts';
import { isCommand, untilStartedUp } from '../health/startup-command.ts';
import type { InstanceFacts } from '../instances/instance-facts.ts';
import { runtimeSilence, withPatience } from '../instances/patience.ts';
import { recentLines } from '../instances/recent-lines.ts';
import type { StoreWait } from '../instances/record-keeper.ts';
import { failureOfError } from '../instances/start-failure.ts';
import type { ProjectInput } from './project-input.ts';
import type { SupervisorNeeds } from './supervisor-needs.ts';

const PROGRESS_EVERY_MS = 500;
/** Beyond the grace period of the stop. */
const STOP_PATIENCE_MS = 30_000;
/** Without any sign of progress. */
const PREPARE_SILENCE_MS = 300_000;
const FREEZE_PATIENCE_MS = 10_000;
const REMOVE_PATIENCE_MS = 60_000;

export interface InstanceCall {
  readonly project: string;
  /** What its instances are targets of. */
  readonly service: string;
  readonly id: string;
  readonly facts: InstanceFacts;
  readonly send: (input: ProjectInput) => void;
  readonly onProgress: (message: string) => void;
}

export class EngineEffects {
  readonly #needs: SupervisorNeeds;

  constructor(needs: SupervisorNeeds) {
    this.#needs = needs;
  }

  /** The store knows of it before the engine does: what is left behind can be found. */
  async prepare(call: InstanceCall): Promise<void> {
    const { id, facts, send } = call;
    const abort = new AbortController();
    facts.abort = abort;
    const wait: StoreWait = { signal: abort.signal, onAway: (error) => this.#onStoreAway(call, error) };
    try {
      // Nobody waits for the store in a place that others could use.
      await this.#record(call, wait);
      await this.#preparePinned(call, abort, wait);
      facts.abort = null;
      facts.wasPrepared = true;
      send({ kind: 'prepared', id });
    } catch (error) {
      facts.abort = null;
      send({ kind: 'prepare-failed', id, failure: this.#failure(error, []) });
    }
  }

  /** `isUrgent`: nobody of the project answers yet. */
  async start(call: InstanceCall, how: 'start' | 'thaw', isUrgent: boolean): Promise<void> {
    const { id, facts, send } = call;
    const { runtime, clock } = this.#needs;
    const abort = new AbortController();
    facts.abort = abort;
    facts.isReached = false;
    const work = (): Promise<StartedInstance> => {
      facts.startBeganMs = clock.monotonic();
      facts.startBeganAt = clock.now();
      send({ kind: 'start-begun', id });
      const started = how === 'start' ? runtime.start(id, abort.signal) : runtime.thaw(id);
      return withPatience(started, clock, how, { signal: abort.signal });
    };
    try {
      // To resume costs next to nothing: it does not wait behind starts.
      const { address } = await (how === 'thaw'
        ? work()
        : this.#needs.starts.run(work, abort.signal, isUrgent));
      facts.startTookMs = clock.monotonic() - (facts.startBeganMs ?? clock.monotonic());
      const startup = startupOf(facts.settings);
      // Before the edge hears of it: it would take an open port for an answer.
      if (how === 'start' && isCommand(startup)) {
        await untilStartedUp(this.#needs, { instanceId: id, startup, signal: abort.signal });
      }
      facts.abort = null;
      // Where it was expected, somebody else may be by now.
      if (!isSamePlace(address, facts.address)) facts.isReached = false;
      facts.address = address;
      send({ kind: 'started', id });
    } catch (error) {
      facts.abort = null;
      const lines = abort.signal.aborted ? [] : await this.lines(id, facts);
      send({ kind: 'start-failed', id, failure: this.#failure(error, lines) });
    }
  }

  async freeze({ id, send }: InstanceCall): Promise<void> {
    const { runtime, clock, log, onSuspect } = this.#needs;
    try {
      await withPatience(runtime.freeze(id), clock, 'freeze', { limitMs: FREEZE_PATIENCE_MS });
      send({ kind: 'frozen', id });
    } catch (error) {
      const { message } = this.#failure(error, []);
      log.warn('an instance could not be frozen', { instance: id, error: message });
      send({ kind: 'freeze-failed', id });
      onSuspect(id);
    }
  }

  async stop({ id, facts, send }: InstanceCall): Promise<void> {
    const { runtime, clock } = this.#needs;
    const beganMs = clock.monotonic();
    try {
      const { stopTimeoutMs } = facts.settings;
      const limitMs = stopTimeoutMs + STOP_PATIENCE_MS;
      facts.exit = await withPatience(runtime.stop(id, stopTimeoutMs), clock, 'stop', { limitMs });
      facts.stopTookMs = clock.monotonic() - beganMs;
      facts.address = null;
      send({ kind: 'stopped', id });
    } catch (error) {
      const failure = this.#failure(error, []);
      this.#needs.log.warn('an instance could not be stopped', { instance: id, error: failure.message });
      send({ kind: 'stop-failed', id, failure });
    }
  }

  async remove({ id, send }: InstanceCall): Promise<void> {
    try {
      const { runtime, clock } = this.#needs;
      await withPatience(runtime.remove(id), clock, 'remove', { limitMs: REMOVE_PATIENCE_MS });
      await this.#needs.records.remove(id);
      send({ kind: 'removed', id });
    } catch (error) {
      const { message } = this.#failure(error, []);
      this.#needs.log.warn('an instance could not be removed', { instance: id, error: message });
      send({ kind: 'remove-failed', id });
    }
  }

  async storeIntent(call: InstanceCall, intent: InstanceIntent): Promise<void> {
    const { id, facts, send } = call;
    try {
      // What has no record was never made either.
      if (facts.isRecorded) await this.#needs.records.setIntent(id, intent);
      send({ kind: 'intent-stored', id, intent });
    } catch (error) {
      const { message } = this.#failure(error, []);
      this.#needs.log.warn('an intention could not be stored', { instance: id, intent, error: message });
      send({ kind: 'intent-failed', id });
    }
  }

  /** Of its present or last life. */
  lines(id: string, { startBeganAt }: Pick<InstanceFacts, 'startBeganAt'>): Promise<readonly string[]> {
    return recentLines(this.#needs, id, startBeganAt);
  }

  /** From the image that the revision had when it was prepared first; the first time that is found out. */
  async #preparePinned(call: InstanceCall, abort: AbortController, wait: StoreWait): Promise<void> {
    const { project, facts } = call;
    const { store, records, prepares } = this.#needs;
    const known = await records.whenAble(() => store.getRevision(project, facts.revision), wait);
    const pinned = known?.pinnedImage ?? null;
    const work = (): Promise<PreparedInstance> =>
      this.#prepareWhileItMoves(specOf(call, pinned), call.onProgress, abort);
    const { pinnedImage } = await prepares.run(work, abort.signal, facts.wasPrepared);
    if (pinned !== null || pinnedImage === null) return;
    await records.whenAble(() => store.pinImage(project, facts.revision, pinnedImage), wait);
  }

  /** It takes as long as it takes: whatever serves meanwhile goes on. */
  #onStoreAway({ id, send, onProgress }: InstanceCall, error: LumaError): void {
    onProgress(`waits until the database can be written: ${error.message}`);
    send({ kind: 'prepare-delayed', id });
  }

  /** A pull may take long as long as it moves; an engine that says nothing is given up. */
  async #prepareWhileItMoves(
    spec: InstanceSpec,
    tellProgress: (message: string) => void,
    abort: AbortController,
  ): Promise<PreparedInstance> {
    const { runtime, clock, credentialsFor } = this.#needs;
    const { signal } = abort;
    const tell = this.#throttle(tellProgress);
    const watch = (): Timer => clock.after(PREPARE_SILENCE_MS, () => abort.abort(runtimeSilence('prepare')));
    let silence = watch();
    const onProgress = (message: string): void => {
      silence.cancel();
      silence = watch();
      tell(message);
    };
    try {
      const prepared = runtime.prepare(spec, { signal, onProgress, credentialsFor });
      return await withPatience(prepared, clock, 'prepare', { signal });
    } finally {
      silence.cancel();
    }
  }

  async #record({ project, service, id, facts }: InstanceCall, wait: StoreWait): Promise<void> {
    if (facts.isRecorded) return;
    const { revision, createdAt } = facts;
    const record = { instanceId: id, project, service, revision, createdAt };
    await this.#needs.records.put({ ...record, intent: 'live' }, wait);
    facts.isRecorded = true;
  }

  #failure(error: unknown, logLines: readonly string[]): StartFailure {
    return failureOfError(error, { at: this.#needs.clock.now(), logLines });
  }

  /** The first line at once, then at most two a second; the latest of those in between is lost, not late. */
  #throttle(tell: (message: string) => void): (message: string) => void {
    let nextMs = Number.NEGATIVE_INFINITY;
    return (message) => {
      const nowMs = this.#needs.clock.monotonic();
      if (nowMs < nextMs) return;
      nextMs = nowMs + PROGRESS_EVERY_MS;
      tell(message);
    };
  }
}

function isSamePlace(a: InstanceAddress, b: InstanceAddress | null): boolean {
  return a.host === b?.host && a.port === b.port;
}

function specOf({ project, id, facts }: InstanceCall, pinnedImage: string | null): InstanceSpec {
  const settings: RevisionSettings = facts.settings;
  return { instanceId: id, project, revision: facts.revision, settings, pinnedImage };
}
