/** Whether a Docker Engine answers here: for the choice of a runtime. */
import { existsSync } from 'node:fs';
import { type Clock, systemClock } from '../../base/clock.ts';
import { isLumaError } from '../../base/errors.ts';
import { Engine } from './engine.ts';
import { type Environment, engineAddress, formatEngineAddress } from './engine-address.ts';
import { engineVersion } from './engine-version.ts';
import { limits } from './limits.ts';

export type DockerDetection =
  | {
      readonly available: true;
      readonly name: string;
      readonly version: string;
      /** As DOCKER_HOST would say it. */
      readonly socket: string;
    }
  | { readonly available: false; readonly reason: string };

export async function detectDocker(env: Environment, clock: Clock = systemClock): Promise<DockerDetection> {
  let engine: Engine | null = null;
  try {
    const address = engineAddress(env);
    if (address.kind === 'socket' && !existsSync(address.path)) {
      const reason = `Docker at ${formatEngineAddress(address)} is not reachable: no such socket`;
      return { available: false, reason };
    }
    engine = new Engine(address, clock);
    const { name, version } = await engineVersion(engine, limits.detectMs);
    return { available: true, name, version, socket: engine.name };
  } catch (error) {
    if (isLumaError(error)) return { available: false, reason: error.message };
    throw error;
  } finally {
    engine?.close();
  }
}
