/** The project of a first start: something to curl before anything was registered. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { DEFAULT_SETTINGS, type ProjectSettings } from '../domain/project.ts';
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
    ...DEFAULT_SETTINGS,
    name: 'hello',
    image,
    command: image === null ? helloCommand() : null,
    hostnames: [HELLO_HOSTNAME],
  };
}
