/** Processes that run in the control group of the scene's engine, in a container that the engine does not know. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Scene } from './calamities.ts';

export async function strays({ engine, docker }: Scene): Promise<readonly string[]> {
  const group = basename(engine.facts['LUMA_ENGINE_NETNS'] ?? '');
  const ofEngine = new RegExp(`/${group}/([0-9a-f]{64})$`, 'm');
  const running = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const inContainers = running.flatMap((pid) => {
    const id = ofEngine.exec(textOf(`/proc/${pid}/cgroup`))?.[1];
    return id === undefined ? [] : [{ pid, id }];
  });
  // Afterwards: what has started meanwhile is known.
  const containers = await docker.listContainers({ all: true });
  const known = new Set(containers.map(({ Id }) => Id));
  return inContainers.filter(({ id }) => !known.has(id)).map(({ pid }) => pid);
}

/** Empty once the process is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
