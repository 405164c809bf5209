/** The names by which Luma knows its containers. Changing one orphans every container made before. */
import type { InstanceSpec } from '../contract.ts';

export const labels = {
  installation: 'luma.installation',
  instance: 'luma.instance',
  project: 'luma.project',
  revision: 'luma.revision',
  /** The port the app listens on, for whoever makes its sandbox anew. */
  port: 'luma.port',
  /** On a sandbox, which has no `instance` label: whose it is. */
  sandbox: 'luma.sandbox',
} as const;

export function labelsOf(
  installationId: string,
  instance: InstanceSpec,
  port: number,
): Record<string, string> {
  return {
    [labels.installation]: installationId,
    [labels.instance]: instance.instanceId,
    [labels.project]: instance.project,
    [labels.revision]: String(instance.revision),
    [labels.port]: String(port),
  };
}

/** Mostly for people: Luma finds its containers by label, so a rename does no harm. */
export function containerName(instance: Pick<InstanceSpec, 'project' | 'instanceId'>): string {
  return `luma-${instance.project}-${instance.instanceId}`;
}

/** By this name an instance's container joins its sandbox, whichever container has the name when it starts. */
export function sandboxName(instanceId: string): string {
  return `luma-sandbox-${instanceId}`;
}
