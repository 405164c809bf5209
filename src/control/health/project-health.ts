/**
 * Asks the instances of one project how they are, while they serve, and tells its machine what follows. Owns the probes of each
 * instance; a project that sleeps, and one without probes, has none.
 */
import type { Clock } from '../../base/clock.ts';
import type { Probe } from '../../domain/probe.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { FailedChecks, Runtime } from '../../runtimes/contract.ts';
import type { InstanceFacts } from '../instances/instance-facts.ts';
import type { ProjectInput } from '../projects/project-input.ts';
import type { InstanceEntry, ProjectState } from '../projects/project-state.ts';
import { ImageChecks } from './image-checks.ts';
import { InstanceProbe } from './instance-probe.ts';
import { ask } from './probe-attempt.ts';

export interface HealthNeeds {
  readonly clock: Clock;
  readonly runtime: Runtime;
  /** Ask the runtime what there is. */
  readonly onSuspect: (instanceId: string) => void;
}

export interface ProbedProject {
  readonly facts: ReadonlyMap<string, InstanceFacts>;
  /** The last lines that the instance wrote. */
  lines(instanceId: string, facts: InstanceFacts): Promise<readonly string[]>;
  send(input: ProjectInput): void;
}

type Role = 'liveness' | 'readiness';

export const CODES = { liveness: 'liveness_failed', readiness: 'readiness_failed' } as const;

export class ProjectHealth {
  readonly #needs: HealthNeeds;
  readonly #subject: ProbedProject;
  readonly #probes = new Map<string, readonly InstanceProbe[]>();
  readonly #imageChecks: ImageChecks;
  #serving: ReadonlySet<string> = new Set();

  constructor(needs: HealthNeeds, subject: ProbedProject) {
    this.#needs = needs;
    this.#imageChecks = new ImageChecks(needs.clock, (id) => needs.onSuspect(id));
    this.#subject = subject;
  }

  /** Called after every step of the project's machine. */
  onChange(state: ProjectState): void {
    const serving = state.instances.filter(isServing);
    this.#serving = new Set(serving.map(({ id }) => id));
    this.#imageChecks.onChange(this.#serving, new Set(state.instances.map(({ id }) => id)));
    for (const [id, probes] of this.#probes) {
      if (this.#serving.has(id)) continue;
      this.#probes.delete(id);
      for (const probe of probes) probe.send({ kind: 'end' });
    }
    // From the asking for a fence on nobody is asked: what is frozen or stopped next must be left in peace.
    const kind = state.sleep === null ? 'resume' : 'pause';
    for (const entry of serving) {
      for (const probe of this.#probes.get(entry.id) ?? this.#begin(entry)) probe.send({ kind });
    }
  }

  /** The check that the image brings along has failed: Docker has counted already, and does not say so again. */
  onImageCheckFailed(instanceId: string): void {
    if (this.#serving.has(instanceId)) this.#condemn(instanceId);
    else this.#imageChecks.doubt(instanceId);
  }

  /** What the runtime says of it when it is asked. */
  onImageChecked(instanceId: string, failed: FailedChecks | null): void {
    const wasStarted = this.#subject.facts.get(instanceId)?.startBeganMs != null;
    if (!this.#serving.has(instanceId)) {
      if (failed) this.#imageChecks.doubt(instanceId);
    } else if (this.#imageChecks.isCondemnedBy(instanceId, failed, wasStarted)) this.#condemn(instanceId);
  }

  close(): void {
    for (const probes of this.#probes.values()) for (const probe of probes) probe.send({ kind: 'end' });
    this.#probes.clear();
    this.#imageChecks.close();
  }

  #condemn(instanceId: string): void {
    const reason = 'the HEALTHCHECK of its image fails: docker inspect tells what it said';
    void this.#judge(instanceId, 'liveness', false, reason).then((isTold) => {
      // It changed while its lines were read, and Docker says nothing twice.
      if (isTold || !this.#subject.facts.has(instanceId)) return;
      this.#imageChecks.doubt(instanceId);
      this.#needs.onSuspect(instanceId);
    });
  }

  #begin(entry: InstanceEntry): readonly InstanceProbe[] {
    const facts = this.#subject.facts.get(entry.id);
    const { liveness = null, readiness = null } = facts?.settings.probes ?? {};
    if (!facts || (!liveness && !readiness)) return [];
    const probes: InstanceProbe[] = [];
    if (liveness) probes.push(this.#make(entry.id, facts, 'liveness', liveness, true));
    if (readiness) probes.push(this.#make(entry.id, facts, 'readiness', readiness, entry.isReady));
    this.#probes.set(entry.id, probes);
    return probes;
  }

  #make(id: string, facts: InstanceFacts, role: Role, probe: Probe, isWell: boolean): InstanceProbe {
    const { check, timeoutMs } = probe;
    const made = new InstanceProbe({
      clock: this.#needs.clock,
      probe,
      ask: async (signal) => {
        const { address } = facts;
        if (!address) return 'it has no address';
        return ask(this.#needs, { instanceId: id, address, check, timeoutMs, signal });
      },
      judge: (verdict, reason) => void this.#judge(id, role, verdict, reason),
    });
    made.send({ kind: 'begin', isWell });
    return made;
  }

  /** False: it has changed meanwhile, and nobody heard. */
  async #judge(id: string, role: Role, isWell: boolean, reason: string): Promise<boolean> {
    const facts = this.#subject.facts.get(id);
    if (!facts) return false;
    if (isWell) {
      facts.health = null;
      if (role === 'readiness') this.#subject.send({ kind: 'ready', id });
      return true;
    }
    if (role === 'readiness' && facts.health) {
      // Known already: only the reason is newer.
      facts.health = { ...facts.health, message: reason };
      return true;
    }
    const { changes } = facts;
    const at = this.#needs.clock.now();
    const logLines = await this.#subject.lines(id, facts);
    // Of an earlier life: what follows it is well until it is asked.
    if (facts.changes !== changes) return false;
    const failure: StartFailure = { code: CODES[role], message: reason, logLines, at };
    facts.health = failure;
    this.#subject.send({ kind: role === 'liveness' ? 'unhealthy' : 'unready', id, failure });
    return true;
  }
}

function isServing({ state, halt, call }: InstanceEntry): boolean {
  return state === 'running' && halt === null && call === null;
}
