/** Which runtime runs the instances, and why: a person should never have to guess. */
import type { Clock } from '../base/clock.ts';
import { LumaError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { SecretKey } from '../base/sealed-text.ts';
import type { Project } from '../domain/project.ts';
import type { Runtime } from '../runtimes/contract.ts';
import { createDockerRuntime, detectDocker } from '../runtimes/docker/index.ts';
import { createProcessRuntime } from '../runtimes/process/index.ts';
import type { LumaConfig } from './config/settings.ts';

export interface RuntimeSurroundings {
  readonly installationId: string;
  /** What runtimes seal their own files with. */
  readonly instanceKey: SecretKey;
  /** What is registered already. */
  readonly projects: readonly Project[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ChosenRuntime {
  readonly runtime: Runtime;
  readonly name: string;
  readonly version: string;
  /** False: it is waited for, and nothing is routed before it answers. */
  readonly isAnswering: boolean;
  /** In `auto`: why this one. */
  readonly reason: string | null;
}

export async function chooseRuntime(
  config: LumaConfig,
  surroundings: RuntimeSurroundings,
): Promise<ChosenRuntime> {
  if (config.runtime === 'process') return processes(config, surroundings, null);
  const { env, clock, log } = surroundings;
  const docker = () => createDockerRuntime({ ...surroundings, sandboxesMax: config.maxSandboxes });
  const found = await detectDocker(env, clock);
  if (found.available) {
    const reason = config.runtime === 'auto' ? `an engine answers at ${found.socket}` : null;
    return { runtime: docker(), isAnswering: true, name: found.name, version: found.version, reason };
  }
  // An engine that is late at a boot, or hangs, is waited for: its instances may run, and nothing else can run its images.
  if (needDocker(surroundings.projects)) {
    log.warn('Docker does not answer; its projects are served as soon as it does', { reason: found.reason });
    const reason = `not answering yet: ${found.reason}`;
    return { runtime: docker(), isAnswering: false, name: 'Docker', version: 'unknown', reason };
  }
  if (config.runtime === 'docker') throw noEngine(found.reason);
  return processes(config, surroundings, `no Docker: ${found.reason}`);
}

function needDocker(projects: readonly Project[]): boolean {
  return projects.some(({ settings }) => settings.image !== null);
}

async function processes(
  { dataDir }: LumaConfig,
  surroundings: RuntimeSurroundings,
  reason: string | null,
): Promise<ChosenRuntime> {
  const runtime = createProcessRuntime({ ...surroundings, dataDir });
  return { runtime, isAnswering: true, ...(await runtime.describe()), reason };
}

function noEngine(reason: string): LumaError {
  return new LumaError('runtime_unavailable', `no Docker Engine can be used: ${reason}`, {
    hint: 'start it, set DOCKER_HOST, or use --runtime process',
  });
}
