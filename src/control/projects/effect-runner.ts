/**
 * Runs the effects of one project's machine: calls, timers, events, answers to people. Owns the timers and what
 * is under way; every outcome goes back to the supervisor as an input.
 */
import { assert, messageOf } from '../../base/errors.ts';
import { condemnationMs, startAllowanceMs, startupOf } from '../../domain/probe.ts';
import type { Project } from '../../domain/project.ts';
import type { ServiceActivity, ServiceSpec } from '../../proxy/client/contract.ts';
import type { InstanceFacts } from '../instances/instance-facts.ts';
import { failureOfSilence } from '../instances/start-failure.ts';
import { isReachedByConnecting, targetSpec } from '../routes/service-spec.ts';
import type { Waiters } from '../wake/waiters.ts';
import { EngineEffects, type InstanceCall } from './engine-effects.ts';
import { LinkEffects } from './link-effects.ts';
import type { ProjectChronicle } from './project-chronicle.ts';
import type { ProjectEffect } from './project-effect.ts';
import type { ProjectInput, ProjectTimer } from './project-input.ts';
import type { Publication } from './project-state.ts';
import { ProjectTimers } from './project-timers.ts';
import type { SupervisorNeeds } from './supervisor-needs.ts';

/** The project whose effects these are. */
export interface EffectSubject {
  readonly project: Project;
  /** What the proxy knows it as. */
  readonly service: string;
  readonly facts: ReadonlyMap<string, InstanceFacts>;
  readonly routes: { specOf(publication: Publication): ServiceSpec | null };
  readonly chronicle: ProjectChronicle;
  readonly waiters: Waiters;
  /** An instance of it answers: what is started now is one more. */
  readonly isServing: boolean;
  send(input: ProjectInput): void;
}

export class EffectRunner {
  readonly #needs: SupervisorNeeds;
  readonly #subject: EffectSubject;
  readonly #engine: EngineEffects;
  readonly #proxy: LinkEffects;
  readonly #timers: ProjectTimers;
  readonly #idleListeners: (() => void)[] = [];
  #callsUnderWay = 0;
  /** Monotonic time of the END of the last exchange, or of the moment it could have begun one. */
  #quietSinceMs: number;

  constructor(needs: SupervisorNeeds, subject: EffectSubject) {
    this.#needs = needs;
    this.#subject = subject;
    this.#engine = new EngineEffects(needs);
    this.#proxy = new LinkEffects(needs);
    this.#timers = new ProjectTimers(needs.clock);
    this.#quietSinceMs = needs.clock.monotonic();
  }

  run(effect: ProjectEffect): void {
    const { facts, waiters } = this.#subject;
    switch (effect.kind) {
      case 'prepare':
        this.#call(effect.id, (call) => this.#engine.prepare(call));
        return;
      case 'start':
      case 'thaw':
        this.#call(effect.id, (call) => this.#engine.start(call, effect.kind, !this.#subject.isServing));
        if (effect.kind === 'thaw') this.track(this.#expect(effect.id));
        return;
      case 'freeze':
        this.#call(effect.id, (call) => this.#engine.freeze(call));
        return;
      case 'stop':
        this.#call(effect.id, (call) => this.#engine.stop(call));
        return;
      case 'remove':
        this.#call(effect.id, (call) => this.#engine.remove(call));
        return;
      case 'store-intent':
        this.#call(effect.id, (call) => this.#engine.storeIntent(call, effect.intent));
        return;
      case 'abort-prepare':
      case 'abort-start':
        facts.get(effect.id)?.abort?.abort();
        return;
      case 'record':
        this.#record(effect);
        return;
      case 'tell':
        waiters.tell(effect.outcome);
        return;
      default:
        this.#runTimed(effect);
    }
  }

  /** The proxy has said since when nothing runs. */
  noteQuiet({ quietForMs }: ServiceActivity): void {
    if (quietForMs === null) return;
    this.#quietSinceMs = Math.max(this.#quietSinceMs, this.#needs.clock.monotonic() - quietForMs);
  }

  /** It can be used from now on. */
  noteAwake(): void {
    this.#quietSinceMs = this.#needs.clock.monotonic();
  }

  lines(instanceId: string, facts: InstanceFacts): Promise<readonly string[]> {
    return this.#engine.lines(instanceId, facts);
  }

  /** Counts the work as under way, until it ends. */
  track(work: Promise<void>): void {
    this.#callsUnderWay += 1;
    const end = (): void => {
      this.#callsUnderWay -= 1;
      if (this.#callsUnderWay === 0) for (const tell of this.#idleListeners.splice(0)) tell();
    };
    work.then(end, (error: unknown) => {
      end();
      this.#needs.log.error('an effect broke', { project: this.#name, error: messageOf(error) });
    });
  }

  /** Resolves when no call to the engine, the proxy or the store is under way. */
  whenIdle(): Promise<void> {
    if (this.#callsUnderWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  close(): void {
    this.#timers.disarmAll();
  }

  get #name(): string {
    return this.#subject.project.settings.name;
  }

  #runTimed(effect: TimedEffect): void {
    const name = this.#subject.service;
    const send = this.#sender();
    switch (effect.kind) {
      case 'publish': {
        const spec = this.#subject.routes.specOf(effect.publication);
        this.track(this.#proxy.publish(name, effect.publication, spec, send));
        return;
      }
      case 'fence':
        this.track(this.#fence(effect.ends));
        return;
      case 'signal':
        this.track(this.#proxy.signal(name, effect.token, send));
        return;
      case 'lift':
        this.track(this.#proxy.lift(name, effect.token));
        return;
      case 'drain':
        this.track(this.#proxy.drain(name, effect.id, effect.isPatient, send));
        return;
      case 'fail-wake': {
        const retryAfterMs = effect.retryAfterMs ?? this.#timers.leftMs('backoff');
        this.track(this.#proxy.failWake(name, effect.failure, retryAfterMs));
        return;
      }
      case 'arm':
        this.#arm(effect.timer, effect.delayMs);
        return;
      case 'disarm':
        this.#timers.disarm(effect.timer);
        return;
      case 'arm-deadline':
        this.#armDeadline(effect.id);
        return;
      case 'disarm-deadline':
        this.#timers.disarm(deadlineOf(effect.id));
        return;
      case 'arm-dependencies':
        this.#armDependencies();
        return;
      case 'disarm-dependencies':
        this.#timers.disarm(DEPENDENCIES);
    }
  }

  #call(id: string, run: (call: InstanceCall) => Promise<void>): void {
    const { facts: known, chronicle } = this.#subject;
    const facts = known.get(id);
    assert(facts, `${this.#name} has no facts about ${id}`);
    const onProgress = (text: string): void => chronicle.record('preparing', { facts, text });
    const { service } = this.#subject;
    this.track(run({ project: this.#name, service, id, facts, send: this.#sender(), onProgress }));
  }

  #sender(): (input: ProjectInput) => void {
    return (input) => this.#subject.send(input);
  }

  /** While it is thawed the edge connects to it already: its kernel accepts, and nothing is sent before it is published. */
  async #expect(id: string): Promise<void> {
    const facts = this.#subject.facts.get(id);
    if (!facts?.address) return;
    const { abort: thaw, address, settings } = facts;
    const target = targetSpec(id, address, settings);
    if (!isReachedByConnecting(target)) return;
    const { host, port } = target;
    const isReached = await this.#proxy.expect(this.#subject.service, { id, host, port });
    // What comes after the thaw has returned comes too late: it is published already, and asked.
    if (isReached && thaw !== null && facts.abort === thaw) facts.isReached = true;
  }

  async #fence(ends: number): Promise<void> {
    const send = this.#sender();
    const result = await this.#proxy.fence(this.#subject.service, ends);
    if (!result) return send({ kind: 'fence-failed' });
    if (result.kind === 'fenced') return send({ kind: 'fenced', token: result.token });
    this.noteQuiet(result.activity);
    const { inFlight, held, ends: known } = result.activity;
    send({ kind: 'fence-refused', activity: { inFlight, held, ends: known } });
  }

  #record({ event, id, failure }: Extract<ProjectEffect, { kind: 'record' }>): void {
    const known = this.#subject.facts;
    const facts = id === null ? null : (known.get(id) ?? null);
    const idleMs = event === 'sleeping' ? this.#needs.clock.monotonic() - this.#quietSinceMs : null;
    const others = [...known.values()].filter((other) => facts && other.revision !== facts.revision);
    const fromRevision = others.length > 0 ? Math.max(...others.map((other) => other.revision)) : null;
    this.#subject.chronicle.record(event, { facts, failure, idleMs, fromRevision });
  }

  #arm(timer: ProjectTimer, delayMs: number): void {
    const { idleTimeoutMs, scaling, probes } = this.#subject.project.settings;
    const dueInMs =
      timer === 'idle'
        ? this.#quietDelayMs(idleTimeoutMs, delayMs)
        : timer === 'freeze'
          ? this.#quietDelayMs(scaling.freezeAfterMs, delayMs)
          : timer === 'stable'
            ? // Who is condemned again and again must not look stable in between.
              delayMs + condemnationMs(probes.liveness)
            : delayMs;
    this.#timers.arm(timer, dueInMs, () => this.#subject.send({ kind: 'timer', timer }));
  }

  /** END of the last exchange + idle_timeout, or freeze_after. */
  #quietDelayMs(afterMs: number | null, leastMs: number): number {
    const quietMs = afterMs ?? Number.POSITIVE_INFINITY;
    return Math.max(leastMs, this.#quietSinceMs + quietMs - this.#needs.clock.monotonic());
  }

  #armDeadline(id: string): void {
    const { wakeTimeoutMs } = this.#subject.project.settings;
    const settings = this.#subject.facts.get(id)?.settings;
    const allowanceMs = startAllowanceMs(settings ? startupOf(settings) : null, wakeTimeoutMs);
    this.#timers.arm(deadlineOf(id), allowanceMs, () => this.track(this.#onDeadline(id, allowanceMs)));
  }

  #armDependencies(): void {
    const { wakeTimeoutMs } = this.#subject.project.settings;
    const fire = (): void => this.#subject.send({ kind: 'dependencies-late', at: this.#needs.clock.now() });
    this.#timers.arm(DEPENDENCIES, wakeTimeoutMs, fire);
  }

  async #onDeadline(id: string, allowanceMs: number): Promise<void> {
    const facts = this.#subject.facts.get(id);
    if (!facts) return;
    const { changes } = facts;
    const port = facts.settings.containerPort ?? facts.address?.port ?? null;
    const logLines = await this.#engine.lines(id, facts);
    if (facts.changes !== changes) return;
    const circumstances = { at: this.#needs.clock.now(), logLines };
    const failure = failureOfSilence(facts.settings, port, allowanceMs, circumstances);
    this.#subject.send({ kind: 'deadline', id, failure });
  }
}

type TimedEffect = Extract<
  ProjectEffect,
  {
    kind:
      | 'publish'
      | 'fence'
      | 'signal'
      | 'lift'
      | 'drain'
      | 'fail-wake'
      | 'arm'
      | 'disarm'
      | 'arm-deadline'
      | 'disarm-deadline'
      | 'arm-dependencies'
      | 'disarm-dependencies';
  }
>;

const DEPENDENCIES = 'dependencies';

function deadlineOf(id: string): string {
  return `deadline ${id}`;
}
