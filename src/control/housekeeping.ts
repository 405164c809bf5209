/**
 * Keeps what Luma believes and what the runtime has together: the first look after a start, the looks after a
 * break of the link or of the runtime's event stream, and the events in between.
 */
import { type Clock, delay } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Revision } from '../domain/revision.ts';
import type { Runtime, RuntimeEvent } from '../runtimes/contract.ts';
import type { Store } from '../store/contract.ts';
import { adoptProject } from './instances/adoption.ts';
import { newInstanceId } from './instances/instance-id.ts';
import { Inventory, type Observer } from './instances/inventory.ts';
import { type Survey, survey, sweep } from './instances/survey.ts';
import type { ProjectRegistry } from './project-registry.ts';
import type { ProjectSupervisor } from './projects/project-supervisor.ts';

export interface HousekeepingNeeds {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: ProjectRegistry;
  /** A service that is a lane no more has instances left. */
  readonly onLeft: (own: ProjectSupervisor, service: string, revisions: readonly Revision[]) => void;
  /** The project's instances are known now. */
  readonly onKnown: (supervisor: ProjectSupervisor) => void;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** A runtime that hangs must not keep the proxy without a snapshot. */
const LOOK_MAX_MS = 5_000;
const nothing: Survey = { observed: new Map(), recordsByProject: new Map(), revisionsByProject: new Map() };

export class Housekeeping {
  readonly #needs: HousekeepingNeeds;
  readonly #inventory: Inventory;
  readonly #closing = new AbortController();
  #stopWatching: (() => void) | null = null;
  #surveying: Promise<void> | null = null;
  #isSurveyed = false;
  /** Nothing can have been missed since the last look. */
  #isFresh = false;

  constructor(needs: HousekeepingNeeds) {
    this.#needs = needs;
    const { runtime, clock, log, registry } = needs;
    const find = (id: string): Observer | null => registry.byInstance(id)?.watch ?? null;
    this.#inventory = new Inventory({ runtime, clock, log, find, all: () => registry.instanceIds() });
  }

  async start(): Promise<void> {
    this.#stopWatching = this.#needs.runtime.watch((event) => this.#onRuntimeEvent(event));
    await this.#surveyOnce();
    this.#isFresh = this.#isSurveyed;
    if (!this.#isSurveyed) void this.#surveyUntilKnown();
  }

  /** A project that was registered just now: nothing of it can exist. */
  adoptNew(supervisor: ProjectSupervisor): void {
    this.#adopt(supervisor, nothing);
  }

  suspect(instanceId: string): void {
    this.#inventory.suspect(instanceId);
  }

  /** Before a snapshot: resolves when the runtime was looked at, or does not answer. */
  async look(): Promise<void> {
    if (this.#isFresh) {
      this.#isFresh = false;
      return;
    }
    const settled = new AbortController();
    const looking = this.#isSurveyed ? this.#inventory.checkAll() : this.#surveyOnce();
    const patience = delay(this.#needs.clock, LOOK_MAX_MS, settled.signal).catch(() => undefined);
    await Promise.race([looking, patience]);
    settled.abort();
  }

  close(): void {
    this.#closing.abort();
    this.#stopWatching?.();
    this.#inventory.close();
  }

  #onRuntimeEvent(event: RuntimeEvent): void {
    if (event.kind === 'unhealthy') {
      this.#needs.registry.byInstance(event.instanceId)?.onImageCheckFailed(event.instanceId);
      return;
    }
    if (event.kind !== 'relist') {
      if (this.#needs.registry.byInstance(event.instanceId)?.watch.isNews(event))
        this.suspect(event.instanceId);
      return;
    }
    this.#isFresh = false;
    void (this.#isSurveyed ? this.#inventory.checkAll() : this.#surveyOnce());
  }

  #surveyOnce(): Promise<void> {
    this.#surveying ??= this.#survey().finally(() => {
      this.#surveying = null;
    });
    return this.#surveying;
  }

  async #survey(): Promise<void> {
    const { store, runtime, registry, log } = this.#needs;
    let found: Survey;
    try {
      found = await survey(
        store,
        runtime,
        registry.projects().map((supervisor) => supervisor.project),
      );
    } catch (error) {
      log.warn('the runtime does not answer; sleeping projects cannot wake', { error: messageOf(error) });
      return;
    }
    if (this.#closing.signal.aborted) return;
    this.#isSurveyed = true;
    this.#findLeft(found);
    for (const supervisor of registry.all()) if (!supervisor.isKnown) this.#adopt(supervisor, found);
    void sweep(found, (name) => registry.project(name) !== null, { store, runtime, log });
  }

  #findLeft({ recordsByProject, revisionsByProject }: Survey): void {
    const { registry, onLeft } = this.#needs;
    for (const own of registry.projects()) {
      const services = (recordsByProject.get(own.name) ?? []).map(({ service }) => service);
      for (const service of new Set(services)) {
        if (!registry.get(service)) onLeft(own, service, revisionsByProject.get(own.name) ?? []);
      }
    }
  }

  async #surveyUntilKnown(): Promise<void> {
    let retryMs = RETRY_FIRST_MS;
    while (!this.#isSurveyed) {
      const isOver = await delay(this.#needs.clock, retryMs, this.#closing.signal).then(
        () => false,
        () => true,
      );
      if (isOver) return;
      await this.#surveyOnce();
      retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
    }
  }

  #adopt(supervisor: ProjectSupervisor, { observed, recordsByProject, revisionsByProject }: Survey): void {
    const ofProject = recordsByProject.get(supervisor.name) ?? [];
    const records = ofProject.filter(({ service }) => service === supervisor.service);
    const { basis } = adoptProject(supervisor.project, records, observed, newInstanceId, supervisor.bounds);
    supervisor.adopt(basis, {
      records: new Map(records.map((record) => [record.instanceId, record.createdAt])),
      observed,
      revisions: revisionsByProject.get(supervisor.name) ?? [],
    });
    for (const { id } of basis.instances) {
      const found = observed.get(id);
      if (found?.state === 'frozen' || found?.failedChecks) this.suspect(id);
    }
    this.#needs.onKnown(supervisor);
  }
}
