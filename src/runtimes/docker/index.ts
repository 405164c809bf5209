/** The Docker runtime's door. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Runtime } from '../contract.ts';
import { DockerRuntime } from './docker-runtime.ts';
import { Engine } from './engine.ts';
import { type Environment, engineAddress } from './engine-address.ts';

export { type DockerDetection, detectDocker } from './detect.ts';

export interface DockerRuntimeOptions {
  readonly installationId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Instead of DOCKER_HOST, in the same form. */
  readonly dockerHost?: string;
  /** For DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH. Default: the process's. */
  readonly env?: Environment;
}

/** Connects to nothing yet: an engine that is down shows in the first call. */
export function createDockerRuntime(options: DockerRuntimeOptions): Runtime {
  const { installationId, clock, log, dockerHost, env = process.env } = options;
  const address = engineAddress(dockerHost === undefined ? env : { ...env, DOCKER_HOST: dockerHost });
  return new DockerRuntime({ installationId, engine: new Engine(address, clock), clock, log });
}
