/** What the runtime cannot do is refused before anything is stored. */
import type { ProjectSettings } from '../../domain/project.ts';
import type { Runtime } from '../../runtimes/contract.ts';
import { runtimeRefusal } from '../errors.ts';

export function checkRuntime(runtime: Runtime, settings: ProjectSettings): void {
  const refused = runtimeRefusal(runtime.check(settings));
  if (refused) throw refused;
}
