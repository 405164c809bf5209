/**
 * The runner of one service of a project, its own or a lane's: feeds its machine one input at a time, runs the effects, and alone owns the
 * project's state. What is known of its instances, and what was said to the proxy, belong to the two it makes for that. It decides nothing itself.
 */
import { assert, messageOf } from '../../base/errors.ts';
import type { InstanceState } from '../../domain/instance-state.ts';
import type { KeepingSettings } from '../../domain/keeping.ts';
import type { Project, RevisionSettings } from '../../domain/project.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { Revision } from '../../domain/revision.ts';
import { leadOf, percentOf } from '../../domain/traffic.ts';
import type { LaneSplit, ServiceActivity, ServiceReport } from '../../proxy/client/contract.ts';
import type { FailedChecks, ObservedInstance } from '../../runtimes/contract.ts';
import { ProjectHealth } from '../health/project-health.ts';
import type { InstanceFacts } from '../instances/instance-facts.ts';
import { InstanceWatch } from '../instances/instance-watch.ts';
import { KnownInstances } from '../instances/known-instances.ts';
import { ProjectRoutes } from '../routes/project-routes.ts';
import { ProjectScaler } from '../scaling/project-scaler.ts';
import { Waiters } from '../wake/waiters.ts';
import { EffectRunner, type EffectSubject } from './effect-runner.ts';
import { lineupOf } from './lineup.ts';
import { ProjectChronicle } from './project-chronicle.ts';
import type { ProjectEffect } from './project-effect.ts';
import type { ProjectInput } from './project-input.ts';
import { next } from './project-machine.ts';
import type { ProjectBasis, ProjectState } from './project-state.ts';
import { initialState } from './project-state.ts';
import { type OwnView, statesThatCount, viewOf } from './project-view.ts';
import { desiredPublication, isSamePublication } from './publishing.ts';
import { sleepPolicyOf } from './sleep-policy.ts';
import type { SupervisorNeeds } from './supervisor-needs.ts';

/** What the store and the runtime know of a project's instances. */
export interface AdoptionFacts {
  /** When they were made, by id. */
  readonly records: ReadonlyMap<string, number>;
  readonly observed: ReadonlyMap<string, ObservedInstance>;
  /** Those of the instances, beside the project's own. */
  readonly revisions: readonly Revision[];
}

export class ProjectSupervisor implements EffectSubject {
  readonly waiters = new Waiters();
  readonly chronicle: ProjectChronicle;
  /** What the proxy is told. */
  readonly routes: ProjectRoutes;
  /** What the runtime tells. */
  readonly watch: InstanceWatch;
  readonly #needs: SupervisorNeeds;
  readonly #runner: EffectRunner;
  readonly #scaler: ProjectScaler;
  readonly #health: ProjectHealth;
  readonly #instances: KnownInstances;
  readonly #inputs: ProjectInput[] = [];
  readonly #changeListeners = new Set<() => void>();
  #project: Project;
  /** Null until the runtime has said what there is. */
  #state: ProjectState | null = null;
  #isTaking = false;
  #isClosed = false;

  /** `service`: what the proxy knows it as. A lane's project has one revision and no hostnames. */
  constructor(
    needs: SupervisorNeeds,
    project: Project,
    readonly service: string = project.settings.name,
  ) {
    this.#needs = needs;
    this.#project = project;
    const { clock, onSuspect } = needs;
    const onInstance = (id: string, isThere: boolean): void => needs.onInstance(service, id, isThere);
    this.#instances = new KnownInstances({ clock, onInstance, onSuspect }, project);
    this.routes = new ProjectRoutes(this);
    this.watch = new InstanceWatch(needs, this);
    this.#runner = new EffectRunner(needs, this);
    this.#scaler = new ProjectScaler(needs.clock, this);
    const { name } = project.settings;
    this.chronicle = new ProjectChronicle(name, needs.journal, needs.clock, this.isLane);
    this.#health = new ProjectHealth(needs, this);
  }

  get project(): Project {
    return this.#project;
  }

  get name(): string {
    return this.#project.settings.name;
  }

  get keeping(): KeepingSettings {
    return this.#project.settings.keeping;
  }

  get updatedAt(): number {
    return this.#project.updatedAt;
  }

  get isLane(): boolean {
    return this.service !== this.name;
  }

  get state(): ProjectState | null {
    return this.#state;
  }

  get facts(): ReadonlyMap<string, InstanceFacts> {
    return this.#instances.facts;
  }

  get isKnown(): boolean {
    return this.#state !== null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isServing(): boolean {
    return this.#state?.instances.some(({ state, halt }) => state === 'running' && !halt) ?? false;
  }

  /** What is known now of a project that was found, or is new; sets its life going. */
  adopt(basis: ProjectBasis, { records, observed, revisions }: AdoptionFacts): void {
    for (const { number, settings } of revisions) this.#instances.learnRevision(number, settings);
    assert(this.#state === null, `${this.name} is adopted once`);
    for (const entry of basis.instances) {
      const address = observed.get(entry.id)?.address ?? null;
      const facts = this.#instances.meet(entry, records.get(entry.id), address);
      if (entry.state === 'starting' && !entry.halt) this.chronicle.record('adopted', { facts });
    }
    this.#state = initialState(basis);
    this.send({ kind: 'begin' });
  }

  /** The stored project has changed; the machine hears of it by the inputs that follow. */
  replaceProject(project: Project): void {
    this.#instances.follow(project);
    this.#project = project;
  }

  /** Of a revision that may get an instance here although it is not the project's. */
  learnRevision(number: number, settings: RevisionSettings): void {
    this.#instances.learnRevision(number, settings);
  }

  /** Who of the project's requests goes to lanes; true: that is news, which the proxy is told. */
  divide(lanes: LaneSplit): boolean {
    const isNews = this.routes.divide(lanes);
    if (isNews) this.changeRoutes();
    return isNews;
  }

  /** The revision that is to serve. */
  get lead(): number {
    return leadOf(this.#project.traffic) ?? this.#project.revision;
  }

  /** As the project's status sees them. */
  get statesThatCount(): readonly InstanceState[] {
    return this.#state ? statesThatCount(this.#state) : [];
  }

  get failure(): StartFailure | null {
    return this.#state?.conflict ?? this.#state?.failure ?? null;
  }

  /** The revision that its requests get now; null: not known yet. */
  get serving(): number | null {
    const { current, instances } = this.#state ?? { current: null, instances: [] };
    return instances.find(({ id }) => id === current)?.revision ?? null;
  }

  /** The revision that leads is to serve; an instance with that id is to carry it unless one does already. */
  deploy(instanceId: string, verifies: boolean): void {
    // What is not known yet is adopted as the stored project wants it.
    if (!this.#state) return;
    const lineup = lineupOf(this.#project);
    this.send({ kind: 'revised', revision: this.lead, instanceId, lineup, verifies });
  }

  /** How many instances there may be. */
  get bounds(): { readonly least: number; readonly most: number } {
    const { scaling } = this.#project.settings;
    const most = this.#needs.runtime.canRunSeveral(this.#project.settings) ? scaling.maxInstances : 1;
    const least = Math.ceil((scaling.minInstances * this.#percent) / 100);
    return { least: Math.min(least, most), most };
  }

  /** What it gets of the project's requests: its part of those instances that are always there. */
  get #percent(): number {
    return percentOf(this.#project.traffic, this.lead);
  }

  /** Hostnames, times or bounds are others now. */
  changeRoutes(): void {
    const { least, most } = this.bounds;
    this.send({ kind: 'routes-changed', ...sleepPolicyOf(this.#project.settings, least), least, most });
    this.#scaler.review();
  }

  /** Takes the input after all earlier ones. */
  send(input: ProjectInput): void {
    if (this.#isClosed || !this.#state) return;
    this.#inputs.push(input);
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      for (let each = this.#inputs.shift(); each; each = this.#inputs.shift()) this.#take(each);
    } finally {
      this.#isTaking = false;
    }
    for (const listener of [...this.#changeListeners]) listener();
  }

  /** Calls back after every change until told to stop. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => void this.#changeListeners.delete(listener);
  }

  /** Of this service alone. */
  view(): OwnView {
    return viewOf(this.#project, this.#state, this.facts, this.#needs.keepsOf(this.service));
  }

  // What the proxy says

  /** Our snapshot is in force. */
  onLinked(report: ServiceReport | null, conflict: StartFailure | null): void {
    const linked = this.routes.linkedBy(report, conflict);
    if (report) this.#runner.noteQuiet(report);
    this.send(linked);
  }

  onActivity(activity: ServiceActivity): void {
    this.#runner.noteQuiet(activity);
    this.chronicle.onHeld(activity.held);
    const { inFlight, held, ends } = activity;
    this.send({ kind: 'activity', activity: { inFlight, held, ends } });
    this.#scaler.onLoad(inFlight + held);
  }

  onImageCheckFailed(instanceId: string): void {
    this.#health.onImageCheckFailed(instanceId);
  }

  onImageChecked(instanceId: string, failed: FailedChecks | null): void {
    this.#health.onImageChecked(instanceId, failed);
  }

  lines(instanceId: string, facts: InstanceFacts): Promise<readonly string[]> {
    return this.#runner.lines(instanceId, facts);
  }

  // Who waits for it, and its end

  /** Resolves when the proxy routes what is wanted, or why it does not; null also when that cannot be known now. */
  whenRouted(): Promise<StartFailure | null> {
    return new Promise((resolve) => {
      const check = (): void => {
        const state = this.#state;
        const isRouted = state !== null && isSamePublication(state.published, desiredPublication(state));
        if (state?.linked && !state.resting.link && !state.conflict && !isRouted && !this.#isClosed) return;
        stop();
        resolve(state?.conflict ?? null);
      };
      const stop = this.onChange(check);
      check();
    });
  }

  /** Resolves when no call to the engine, the proxy or the store is under way. */
  whenIdle(): Promise<void> {
    return this.#runner.whenIdle();
  }

  /** Nothing more is done or heard; what runs goes on. */
  close(): void {
    this.#isClosed = true;
    this.#runner.close();
    this.#scaler.close();
    this.#health.close();
    for (const entry of this.#state?.instances ?? []) {
      if (entry.call === 'prepare') this.facts.get(entry.id)?.abort?.abort();
    }
    this.waiters.dismiss();
    for (const listener of [...this.#changeListeners]) listener();
  }

  // The machine

  #take(input: ProjectInput): void {
    const before = this.#state;
    if (!before) return;
    let effects: readonly ProjectEffect[];
    try {
      const step = next(before, input);
      this.#state = step.state;
      effects = step.effects;
    } catch (error) {
      // A bug: this project stays as it was, the others do not notice.
      this.#needs.log.error('a project met an input it cannot take', {
        project: this.name,
        input: input.kind,
        error: messageOf(error),
      });
      return;
    }
    this.#noteChanges(before, this.#state);
    this.#scaler.onChange(before, this.#state);
    this.#health.onChange(this.#state);
    for (const effect of effects) this.#runner.run(effect);
    if (before.wake && !this.#state.wake) this.chronicle.onWakeEnded();
  }

  #noteChanges(before: ProjectState, after: ProjectState): void {
    if (after.wake) this.chronicle.onWakeBegan(after.wake.by === 'proxy' ? 1 : 0);
    this.#instances.onChange(before, after);
    const wasRunning = (id: string): boolean =>
      before.instances.find((old) => old.id === id)?.state === 'running';
    if (after.instances.some(({ id, state }) => state === 'running' && !wasRunning(id)))
      this.#runner.noteAwake();
    // Let go just now: it has its idle_timeout from here.
    if (before.kept && !after.kept && !after.due) this.#runner.noteAwake();
  }
}
