/** The project of a first start: something to curl before anything was registered. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { DEFAULT_SCALING, type ProjectSettings } from '../domain/project.ts';
import type { Runtime } from '../runtimes/contract.ts';
import { ensureHelloImage } from '../runtimes/docker/index.ts';
import { helloCommand } from '../runtimes/hello/index.ts';

export interface HelloSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

export const HELLO_HOSTNAME = 'hello.localhost';

export async function helloProject(
  kind: Runtime['kind'],
  surroundings: HelloSurroundings,
): Promise<ProjectSettings> {
  const image = kind === 'docker' ? await ensureHelloImage(surroundings) : null;
  return {
    name: 'hello',
    image,
    command: image === null ? helloCommand() : null,
    entrypoint: null,
    workingDir: null,
    envVars: {},
    containerPort: null,
    healthCheck: null,
    hostnames: [HELLO_HOSTNAME],
    idleTimeoutMs: 20_000,
    wakeTimeoutMs: 60_000,
    waitMode: 'hold',
    quietRules: [],
    ssl: false,
    sslRedirect: true,
    responseTimeoutMs: 300_000,
    forwardHeaders: false,
    pathPrefix: '/',
    scaling: DEFAULT_SCALING,
    stopTimeoutMs: 10_000,
  };
}
