/** The names by which Luma knows its containers. Changing one orphans every container made before. */
import type { InstanceSpec } from '../contract.ts';

export const labels = {
  installation: 'luma.installation',
  instance: 'luma.instance',
  project: 'luma.project',
  revision: 'luma.revision',
} as const;

export function labelsOf(installationId: string, instance: InstanceSpec): Record<string, string> {
  return {
    [labels.installation]: installationId,
    [labels.instance]: instance.instanceId,
    [labels.project]: instance.project,
    [labels.revision]: String(instance.revision),
  };
}

/** Mostly for people: Luma finds its containers by label, so a rename does no harm. */
export function containerName(instance: Pick<InstanceSpec, 'project' | 'instanceId'>): string {
  return `luma-${instance.project}-${instance.instanceId}`;
}
