/** A control plane with everything around it in memory and on one manual clock, for the tests of this layer. */
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { DEFAULT_SCALING, DEFAULT_SETTINGS, type ProjectSettings } from '../../domain/project.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import { createFakeRuntime, type FakeEngine, type FakeRuntime } from '../../runtimes/fake/index.ts';
import { createFailingStore, createMemoryStore, type Store, type WriteFate } from '../../store/index.ts';
import { ControlPlane } from '../index.ts';
import { ScriptedProxy } from './scripted-proxy.ts';

export interface PlatformParts {
  readonly clock?: ManualClock;
  /** What the store before has kept. */
  readonly kept?: Store;
  readonly engine?: FakeEngine;
  readonly proxy?: ScriptedProxy;
  readonly cores?: number;
}

/** One `luma server`; `successor()` is the next one on the same store, engine and proxy. */
export class Platform {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly runtime: FakeRuntime;
  readonly proxy: ScriptedProxy;
  readonly control: ControlPlane;
  readonly events: ProjectEvent[] = [];
  /** Writes to the store fail until the clock shows this. */
  storeFailsUntilMs = 0;
  /** And after so many more; null: never. */
  storeFailsAfterWrites: number | null = null;
  readonly #kept: Store;

  constructor({ clock, kept, engine, proxy, cores = 4 }: PlatformParts = {}) {
    this.clock = clock ?? new ManualClock();
    this.#kept = kept ?? createMemoryStore();
    this.store = createFailingStore(this.#kept, () => this.#fateOfWrite());
    this.runtime = createFakeRuntime({ clock: this.clock, ...(engine ? { engine } : {}) });
    this.proxy = proxy ?? new ScriptedProxy(this.clock, (port) => this.runtime.script.answers({ port }));
    this.control = new ControlPlane({
      store: this.store,
      runtime: this.runtime,
      link: this.proxy.link(),
      clock: this.clock,
      log: silentLog,
      version: '0',
      cores,
    });
    this.control.onEvent(null, (event) => this.events.push(event));
  }

  async open(): Promise<this> {
    await this.during(this.control.open());
    await this.pass(10);
    return this;
  }

  /** Moves the clock on in small steps until the promise settles. */
  async during<T>(promise: Promise<T>, stepMs = 5, stepsMax = 40_000): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    for (let step = 0; step < stepsMax; step++) {
      await this.clock.advance(0);
      if (isSettled) return promise;
      await this.clock.advance(stepMs);
    }
    throw new Error('it never ends');
  }

  /** Moves the clock on, with enough pauses that long chains of calls get through. */
  async pass(ms: number): Promise<void> {
    const stepMs = Math.max(1, ms / 50);
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) await this.clock.advance(Math.min(stepMs, leftMs));
    await this.clock.advance(0);
  }

  create(settings: Partial<ProjectSettings> = {}): Promise<unknown> {
    return this.during(this.control.createProject(projectSettings(settings)));
  }

  async status(name = 'app'): Promise<string> {
    return (await this.control.getProject(name)).status.name;
  }

  kinds(): string[] {
    return this.events.map((event) => event.kind);
  }

  #fateOfWrite(): WriteFate {
    if (this.clock.monotonic() < this.storeFailsUntilMs || this.storeFailsAfterWrites === 0) return 'refuse';
    if (this.storeFailsAfterWrites !== null) this.storeFailsAfterWrites -= 1;
    return 'pass';
  }

  /** What a kill -9 leaves: the store, the engine and the proxy. */
  async successor(): Promise<Platform> {
    await this.during(this.control.close({ stopInstances: false, timeoutMs: 0 }));
    const { clock, proxy } = this;
    return new Platform({ clock, kept: this.#kept, proxy, engine: this.runtime.engine });
  }
}

export function projectSettings(settings: Partial<ProjectSettings> = {}): ProjectSettings {
  const name = settings.name ?? 'app';
  return {
    ...DEFAULT_SETTINGS,
    name,
    image: 'app:1',
    containerPort: 80,
    hostnames: [`${name}.localhost`],
    scaling: { ...DEFAULT_SCALING, maxInstances: 1 },
    ...settings,
  };
}
