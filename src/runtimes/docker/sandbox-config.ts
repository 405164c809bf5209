/** From an instance to the container that keeps its network while it sleeps. Pure. */
import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import { labels, sandboxName } from './labels.ts';
import { limits } from './limits.ts';

const joinPrefix = 'container:';

/** What a sandbox must know of its instance. */
export interface SandboxOwner {
  readonly instanceId: string;
  readonly project: string;
  readonly port: number;
}

export function sandboxConfig(
  installationId: string,
  { instanceId, project, port }: SandboxOwner,
  image: string,
): ContainerCreateOptions {
  const portKey = `${port}/tcp`;
  return {
    name: sandboxName(instanceId),
    Image: image,
    // The app sees it as its own.
    Hostname: instanceId,
    ExposedPorts: { [portKey]: {} },
    Labels: {
      [labels.installation]: installationId,
      [labels.sandbox]: instanceId,
      [labels.project]: project,
    },
    HostConfig: {
      PortBindings: { [portKey]: [{ HostIp: '127.0.0.1', HostPort: '' }] },
      // Luma starts it again, and knows then that the app must be started anew; the engine would not.
      RestartPolicy: { Name: 'no' },
      Init: false,
      LogConfig: { Type: 'none', Config: {} },
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: limits.sandboxPids,
      Memory: limits.sandboxMemoryBytes,
    },
  };
}

/** What the instance's own container says about its sandbox; null where it has a network of its own. */
export function sandboxOwnerOf({ Config, HostConfig }: ContainerInspectInfo): SandboxOwner | null {
  if (!HostConfig.NetworkMode?.startsWith(joinPrefix)) return null;
  const instanceId = Config.Labels[labels.instance] ?? '';
  const project = Config.Labels[labels.project] ?? '';
  return { instanceId, project, port: Number(Config.Labels[labels.port]) };
}

/** Whether a sandbox made anew is joined too: not where the engine put an id in the name's place. */
export function joinsByName({ Config, HostConfig }: ContainerInspectInfo): boolean {
  return HostConfig.NetworkMode === networkModeOf(Config.Labels[labels.instance] ?? '');
}

/**
 * The engine looks the name up at every start, and so joins a sandbox made anew as well; but if there is one when
 * the container is created, it writes that one's id down instead.
 */
export function networkModeOf(instanceId: string): string {
  return `${joinPrefix}${sandboxName(instanceId)}`;
}
