/** The variables every instance gets, whatever runs it: Cloud Run's names, and Luma's twins. Pure. */
import { revisionName } from '../domain/project.ts';
import type { InstanceSpec } from './contract.ts';

/**
 * Cloud Run's container contract (PORT, K_SERVICE, K_REVISION, K_CONFIGURATION), so that its images run
 * unchanged. The user's variables come first: the API refuses reserved names, and here they lose.
 */
export function instanceEnvironment(instance: InstanceSpec, port: number): Record<string, string> {
  const revision = revisionName(instance.project, instance.revision);
  return {
    ...instance.settings.envVars,
    PORT: String(port),
    K_SERVICE: instance.project,
    K_REVISION: revision,
    K_CONFIGURATION: instance.project,
    LUMA_SERVICE: instance.project,
    LUMA_REVISION: revision,
    LUMA_CONFIGURATION: instance.project,
    LUMA_INSTANCE_ID: instance.instanceId,
  };
}
