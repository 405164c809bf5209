/** Which runtime runs the instances, and why: a person should never have to guess. */
import type { Clock } from '../base/clock.ts';
import { LumaError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Runtime } from '../runtimes/contract.ts';
import { createDockerRuntime, detectDocker } from '../runtimes/docker/index.ts';
import { createProcessRuntime } from '../runtimes/process/index.ts';
import type { LumaConfig } from './config/settings.ts';

export interface RuntimeSurroundings {
  readonly installationId: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ChosenRuntime {
  readonly runtime: Runtime;
  readonly name: string;
  readonly version: string;
  /** In `auto`: why this one. */
  readonly reason: string | null;
}

export async function chooseRuntime(
  config: LumaConfig,
  surroundings: RuntimeSurroundings,
): Promise<ChosenRuntime> {
  if (config.runtime === 'process') return processes(config, surroundings, null);
  const { env, clock } = surroundings;
  const found = await detectDocker(env, clock);
  if (found.available) {
    const reason = config.runtime === 'auto' ? `an engine answers at ${found.socket}` : null;
    const runtime = createDockerRuntime({ ...surroundings, sandboxesMax: config.maxSandboxes });
    return { runtime, name: found.name, version: found.version, reason };
  }
  if (config.runtime === 'docker') throw noEngine(found.reason);
  return processes(config, surroundings, `no Docker: ${found.reason}`);
}

async function processes(
  { dataDir }: LumaConfig,
  surroundings: RuntimeSurroundings,
  reason: string | null,
): Promise<ChosenRuntime> {
  const runtime = createProcessRuntime({ ...surroundings, dataDir });
  return { runtime, ...(await runtime.describe()), reason };
}

function noEngine(reason: string): LumaError {
  return new LumaError('runtime_unavailable', `no Docker Engine can be used: ${reason}`, {
    hint: 'start it, set DOCKER_HOST, or use --runtime process',
  });
}
