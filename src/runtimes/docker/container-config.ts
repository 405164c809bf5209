/** From an instance to the container the engine should make of it. Pure. */
import type { ContainerCreateOptions } from 'dockerode';
import type { InstanceSpec } from '../contract.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import { imageOf } from './image-pin.ts';
import { containerName, labelsOf } from './labels.ts';
import { limits } from './limits.ts';
import { networkModeOf } from './sandbox-config.ts';

/** Where Cloud Run's images listen unless told otherwise. */
export const containerPortDefault = 8080;

export function containerPort(instance: InstanceSpec): number {
  return instance.settings.containerPort ?? containerPortDefault;
}

export function containerConfig(installationId: string, instance: InstanceSpec): ContainerCreateOptions {
  const { settings } = instance;
  const port = containerPort(instance);
  const environment = instanceEnvironment(instance, port);
  return {
    name: containerName(instance),
    Image: imageOf(instance),
    ...(settings.command && { Cmd: [...settings.command] }),
    ...(settings.entrypoint && { Entrypoint: [...settings.entrypoint] }),
    ...(settings.workingDir !== null && { WorkingDir: settings.workingDir }),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: labelsOf(installationId, instance, port),
    // Also for a `docker stop` by hand, and for the engine's own shutdown.
    StopTimeout: Math.ceil(settings.stopTimeoutMs / 1_000),
    HostConfig: {
      // Many images ignore SIGTERM as PID 1; the engine's init passes it on and reaps orphans.
      Init: true,
      // Address, ports, host name and name servers are the sandbox's.
      NetworkMode: networkModeOf(instance.instanceId),
      RestartPolicy: { Name: 'no' },
      LogConfig: {
        Type: 'json-file',
        Config: { 'max-size': limits.logFileSize, 'max-file': limits.logFiles },
      },
    },
  };
}
