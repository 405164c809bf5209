/** The Docker runtime's door. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Runtime } from '../contract.ts';
import { helloServerPath } from '../hello/index.ts';
import { DockerRuntime } from './docker-runtime.ts';
import { Engine } from './engine.ts';
import { type Environment, engineAddress } from './engine-address.ts';
import { ensureHelloImage as makeHelloImage } from './hello-image.ts';
import { limits } from './limits.ts';

export { type DockerDetection, detectDocker } from './detect.ts';

/** Which engine, and what everything here needs. */
export interface DockerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Instead of DOCKER_HOST, in the same form. */
  readonly dockerHost?: string;
  /** For DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH. Default: the process's. */
  readonly env?: Environment;
}

export interface DockerRuntimeOptions extends DockerOptions {
  readonly installationId: string;
  /** Sandboxes at most, 1 to 1,000. Default 200. */
  readonly sandboxesMax?: number;
}

/** Connects to nothing yet: an engine that is down shows in the first call. */
export function createDockerRuntime(options: DockerRuntimeOptions): Runtime {
  const { installationId, clock, log, sandboxesMax = limits.sandboxesDefault } = options;
  return new DockerRuntime({ installationId, engine: engineOf(options), clock, log, sandboxesMax });
}

/**
 * The reference of an image with the hello server, made here from Luma's own files if it is missing. Fails
 * with `hello_image_unsupported` where this machine's Bun cannot run in a container.
 */
export async function ensureHelloImage(options: DockerOptions): Promise<string> {
  const engine = engineOf(options);
  const { clock, log } = options;
  try {
    return await makeHelloImage({
      engine,
      clock,
      log,
      bunFile: process.execPath,
      serverFile: helloServerPath,
    });
  } finally {
    engine.close();
  }
}

function engineOf({ clock, dockerHost, env = process.env }: DockerOptions): Engine {
  return new Engine(
    engineAddress(dockerHost === undefined ? env : { ...env, DOCKER_HOST: dockerHost }),
    clock,
  );
}
