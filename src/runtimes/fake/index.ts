/** The door to the fake runtime: for tests of whatever stands above runtimes. */
import type { Clock } from '../../base/clock.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import type { Runtime } from '../contract.ts';
import { FakeEngine } from './fake-engine.ts';
import { FakeRuntime } from './fake-runtime.ts';

export type { FakeBehaviour, FakeExit, FakeOperation } from './behaviour.ts';
export type { FakeEngine } from './fake-engine.ts';
export type { FakeRuntime } from './fake-runtime.ts';
export type { FakeCall, FakeScript, LostReply } from './script.ts';

export interface FakeRuntimeOptions {
  readonly clock: Clock;
  /** Apps really listen on loopback ports. Default false. Ignored with `engine`. */
  readonly listen?: boolean;
  /** Default `fake`. */
  readonly installationId?: string;
  /** The engine of an earlier fake runtime: this one is Luma after a restart, or another installation. */
  readonly engine?: FakeEngine;
  /** What it cannot do with some settings; default: it can do everything. */
  readonly check?: (settings: RevisionSettings) => ReturnType<Runtime['check']>;
}

/** `runtime.script` makes it misbehave; `runtime.engine.close()` ends every app that listens. */
export function createFakeRuntime(options: FakeRuntimeOptions): FakeRuntime {
  const { clock, listen = false, installationId = 'fake', check = () => [] } = options;
  const engine = options.engine ?? new FakeEngine({ clock, listen });
  return new FakeRuntime({ clock, engine, installationId, check });
}
