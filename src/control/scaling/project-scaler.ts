/**
 * Watches the load of one project and tells its machine how many instances that asks for. Owns the record of the load and the
 * tick, which goes only while the project is awake.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Project } from '../../domain/project.ts';
import type { ProjectChronicle } from '../projects/project-chronicle.ts';
import type { ProjectInput } from '../projects/project-input.ts';
import type { ProjectState } from '../projects/project-state.ts';
import { HURRY_MS, PANIC_WINDOW_MS, STABLE_WINDOW_MS, TICK_MS } from './limits.ts';
import { LoadWindow } from './load-window.ts';
import { calm, decideScale, type ScaleMemory } from './scale-decision.ts';

export interface ScaledProject {
  readonly project: Project;
  readonly state: ProjectState | null;
  readonly chronicle: ProjectChronicle;
  send(input: ProjectInput): void;
}

export class ProjectScaler {
  readonly #clock: Clock;
  readonly #subject: ScaledProject;
  readonly #window = new LoadWindow();
  #memory: ScaleMemory = calm;
  #tick: Timer | null = null;
  #decidedMs = Number.NEGATIVE_INFINITY;
  /** Since when there is more than the instances are for; null: there is not. */
  #tooMuchSinceMs: number | null = null;
  /** Since when there is more than they may have at once, and the least of it; null: nobody waits. */
  #pressing: { readonly sinceMs: number; readonly least: number } | null = null;

  constructor(clock: Clock, subject: ScaledProject) {
    this.#clock = clock;
    this.#subject = subject;
  }

  /** In flight and held, as the proxy counts them. */
  onLoad(load: number): void {
    const nowMs = this.#clock.monotonic();
    const readyCount = this.#readyCount();
    if (readyCount === 0) {
      // One start serves all who wait for it: what they ask for together counts from its first answer on.
      this.#window.forget();
      this.#pressing = null;
      return;
    }
    this.#window.record(nowMs, load);
    const { concurrency, targetUtilization } = this.#subject.project.settings.scaling;
    const isTooMuch = load > readyCount * concurrency * targetUtilization;
    if (!isTooMuch) this.#tooMuchSinceMs = null;
    else this.#tooMuchSinceMs ??= nowMs;
    const { sinceMs, least } = this.#pressing ?? { sinceMs: nowMs, least: load };
    this.#pressing = load > readyCount * concurrency ? { sinceMs, least: Math.min(least, load) } : null;
    // A crowd that is answered in a moment needs nobody else.
    const isLasting = this.#tooMuchSinceMs !== null && nowMs - this.#tooMuchSinceMs >= HURRY_MS;
    if (isLasting && nowMs - this.#decidedMs >= HURRY_MS) this.review();
    this.#keepTicking();
  }

  onChange(before: ProjectState, after: ProjectState): void {
    if (isAsleep(after) && !isAsleep(before)) this.#rest();
    else if (!isAsleep(after)) this.#keepTicking();
  }

  /** Decides now. */
  review(): void {
    const { state, project } = this.#subject;
    if (!state || isAsleep(state) || state.most <= 1 || this.#readyCount() === 0) return;
    const nowMs = this.#clock.monotonic();
    this.#decidedMs = nowMs;
    const { concurrency, targetUtilization } = project.settings.scaling;
    const measured = {
      nowMs,
      stableLoad: this.#window.average(nowMs, STABLE_WINDOW_MS),
      panicLoad: this.#window.average(nowMs, PANIC_WINDOW_MS),
      pressingLoad: this.#takePressing(nowMs),
      readyCount: this.#readyCount(),
    };
    const policy = { concurrency, targetUtilization, most: state.most };
    const { count, memory } = decideScale(measured, policy, this.#memory);
    this.#memory = memory;
    if (count === state.count) return;
    this.#subject.chronicle.record('scaled', {
      text: `is to have ${count} instance${count === 1 ? '' : 's'} instead of ${state.count}`,
    });
    this.#subject.send({ kind: 'scaled', count });
  }

  close(): void {
    this.#tick?.cancel();
    this.#tick = null;
  }

  #readyCount(): number {
    const { instances } = this.#subject.state ?? { instances: [] };
    return instances.filter(({ state, isReady, halt }) => state === 'running' && isReady && !halt).length;
  }

  /** It counts once it has lasted; then what there is from now on. */
  #takePressing(nowMs: number): number {
    if (this.#pressing === null || nowMs - this.#pressing.sinceMs < HURRY_MS) return 0;
    const { least } = this.#pressing;
    this.#pressing = { sinceMs: nowMs, least: this.#window.load };
    return least;
  }

  /** Where one instance is enough and nothing happens, nothing is to be decided. */
  #keepTicking(): void {
    const { state } = this.#subject;
    const isIdle = this.#window.load === 0 && (state?.count ?? 1) <= 1;
    if (this.#tick || !state || isAsleep(state) || state.most <= 1 || isIdle) return;
    this.#tick = this.#clock.after(TICK_MS, () => {
      this.#tick = null;
      this.review();
      this.#keepTicking();
    });
  }

  #rest(): void {
    this.close();
    this.#window.forget();
    this.#memory = calm;
    this.#tooMuchSinceMs = null;
    this.#pressing = null;
  }
}

/** Nothing of it answers or is about to. */
function isAsleep({ instances }: ProjectState): boolean {
  return !instances.some((entry) => entry.state === 'running' || entry.state === 'starting');
}
