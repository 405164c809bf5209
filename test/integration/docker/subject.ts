/** Recipes for instances on a real engine, for the contract suite and the tests beside it. */
import Docker from 'dockerode';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { randomId } from '../../../src/base/random-id.ts';
import { DEFAULT_REVISION_SETTINGS, type RevisionSettings } from '../../../src/domain/project.ts';
import type { InstanceSpec, Runtime } from '../../../src/runtimes/contract.ts';
import { createDockerRuntime, type DockerRuntimeOptions } from '../../../src/runtimes/docker/index.ts';
import type { ContractSubject } from '../../../src/runtimes/runtime.contract.ts';
import type { TestEngine } from '../../engine/engine.ts';

const installationLabel = 'luma.installation';
const instanceLabel = 'luma.instance';

export interface DockerSubject extends ContractSubject {
  readonly docker: Docker;
  readonly installationId: string;
  /** An instance of any settings; `sh` stands for a shell in a small image. */
  spec(settings: Partial<RevisionSettings>): InstanceSpec;
  shell(script: string): InstanceSpec;
  /** Id of the instance's container; fails where there is not exactly one. */
  containerOf(instanceId: string): Promise<string>;
}

export function clientOf(engine: TestEngine): Docker {
  return new Docker({ socketPath: engine.dockerHost.replace('unix://', '') });
}

export function runtimeOn(
  engine: TestEngine,
  installationId: string,
  options: Partial<DockerRuntimeOptions> = {},
): Runtime {
  const { dockerHost } = engine;
  return createDockerRuntime({ installationId, clock: systemClock, log: silentLog, dockerHost, ...options });
}

/** Closing it removes every container of both installations. The engine is its caller's. */
export async function dockerSubject(engine: TestEngine): Promise<DockerSubject> {
  const docker = clientOf(engine);
  const installationId = `test-${randomId(10)}`;
  const otherId = `test-${randomId(10)}`;
  const runtime = runtimeOn(engine, installationId);
  const other = runtimeOn(engine, otherId);
  const spec = (settings: Partial<RevisionSettings>): InstanceSpec => ({
    instanceId: `i-${randomId(10)}`,
    project: 'shop',
    revision: 3,
    settings: { ...appSettings, ...settings },
  });
  const shell = (script: string): InstanceSpec =>
    spec({ image: 'luma-test/busybox', command: ['sh', '-c', script] });
  const containerOf = async (instanceId: string): Promise<string> => {
    const filters = { label: [`${instanceLabel}=${instanceId}`] };
    const [only, ...more] = await docker.listContainers({ all: true, filters });
    if (!only || more.length > 0)
      throw new Error(`${instanceId} has ${more.length + (only ? 1 : 0)} containers`);
    return only.Id;
  };
  return {
    docker,
    installationId,
    runtime,
    other,
    spec,
    shell,
    containerOf,
    restarted: async () => runtimeOn(engine, installationId),
    serves: () => spec({}),
    exits: (code) => spec({ envVars: { EXIT_CODE: String(code) } }),
    ignoresStop: () => spec({ envVars: { IGNORE_TERM: '1' } }),
    prints: (lines) => shell(`${lines.map(printed).join('; ')}; ${serving}`),
    printsEnvironment: () => ({
      ...shell(`env; ${serving}`),
      settings: { ...shell(`env; ${serving}`).settings, envVars: { GREETING: 'hello, you' } },
    }),
    missingProgram: () => spec({ command: ['no-such-program'] }),
    missingImage: () => spec({ image: `sha256:${'0'.repeat(64)}` }),
    crash: async (instanceId) => {
      await docker.getContainer(await containerOf(instanceId)).kill({ signal: 'SIGKILL' });
    },
    vandalise: async (instanceId) => {
      await docker.getContainer(await containerOf(instanceId)).remove({ force: true });
    },
    close: async () => {
      await Promise.all([runtime.close(), other.close()]);
      for (const id of [installationId, otherId]) {
        const filters = { label: [`${installationLabel}=${id}`] };
        for (const one of await docker.listContainers({ all: true, filters })) {
          await docker.getContainer(one.Id).remove({ force: true });
        }
      }
    },
  };
}

const serving = 'exec httpd -f -p "$PORT" -h /www';

function printed({ stream, text }: { stream: 'stdout' | 'stderr'; text: string }): string {
  return `echo '${text}'${stream === 'stderr' ? ' >&2' : ''}`;
}

const appSettings: RevisionSettings = {
  ...DEFAULT_REVISION_SETTINGS,
  image: 'luma-test/app',
};
