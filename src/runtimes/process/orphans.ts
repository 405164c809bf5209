/** Finds processes of instances by the mark in their environment, when no record tells their pid. */
import { constants, existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import type { ObservedInstance } from '../contract.ts';
import { type InstanceMark, isMarked, ProcessSession } from './process-session.ts';
import { environmentOf, identify, isAlive, listProcesses, type ProcessIdentity } from './process-table.ts';

/** The instance's first process: Luma died between the spawn and writing its pid. */
export function findLeader(mark: InstanceMark): ProcessIdentity | null {
  const leader = listProcesses().find(
    (one) => isAlive(one) && one.sessionId === one.pid && isMarked(one.pid, mark),
  );
  return leader ? identify(leader.pid) : null;
}

/**
 * The same while it is still a copy of the Luma that died, without any mark: all it has of the instance are its
 * output files, opened for it to append. Whoever only reads them is somebody else.
 */
export function findNewborn(outputPath: string): ProcessIdentity | null {
  if (!existsSync(outputPath)) return null;
  const path = realpathSync(outputPath);
  const newborn = listProcesses().find((one) => one.pid !== process.pid && appendsTo(one.pid, path));
  return newborn ? identify(newborn.pid) : null;
}

function appendsTo(pid: number, path: string): boolean {
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== path) continue;
      const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))?.[1];
      if ((Number.parseInt(flags ?? '0', 8) & constants.O_APPEND) !== 0) return true;
    }
    return false;
  } catch (error) {
    // It ended, closed the file meanwhile, or belongs to somebody whose files we may not see.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return false;
    throw error;
  }
}

/** Instances of this installation that run although nothing on disk knows them: their folder is gone. */
export function findStrays(
  installationId: string,
  isKnown: (instanceId: string) => boolean,
): readonly ObservedInstance[] {
  const strays = new Map<string, ObservedInstance>();
  for (const entry of listProcesses()) {
    const variables = isAlive(entry) ? environmentOf(entry.pid) : null;
    const instanceId = variables?.get('LUMA_INSTANCE_ID');
    if (!variables || instanceId === undefined || isKnown(instanceId) || strays.has(instanceId)) continue;
    if (variables.get('LUMA_INSTALLATION_ID') !== installationId) continue;
    const revision = Number(variables.get('LUMA_REVISION')?.match(/\d+$/)?.[0] ?? 0);
    const port = Number(variables.get('PORT') ?? 0);
    strays.set(instanceId, {
      instanceId,
      project: variables.get('LUMA_SERVICE') ?? '',
      revision,
      state: 'running',
      address: { host: '127.0.0.1', port, readiness: 'connect' },
    });
  }
  return [...strays.values()];
}

/** Ends an instance that nothing on disk knows. */
export async function killStray(mark: InstanceMark, clock: Clock): Promise<void> {
  const leader = findLeader(mark);
  if (leader) await new ProcessSession(leader, mark, clock).kill();
}
