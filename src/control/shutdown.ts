/** The platform's end: its instances are stopped, those of who depends on others before theirs. Keeps nothing. */
import { type Clock, delay } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ProjectSupervisor } from './projects/project-supervisor.ts';

/** Beyond the drain: for stops that take their whole grace period. */
const CLOSE_GRACE_MS = 15_000;

export interface Ending {
  /** Of its project. */
  readonly name: string;
  readonly keeping: { readonly dependsOn: readonly { readonly project: string }[] };
}

/** `timeoutMs`: how long exchanges may take to end; who waits for the end of others waits no longer either. */
export async function stopAll(
  supervisors: readonly ProjectSupervisor[],
  { clock, log, timeoutMs }: { readonly clock: Clock; readonly log: Log; readonly timeoutMs: number },
): Promise<void> {
  const endMs = clock.monotonic() + timeoutMs + CLOSE_GRACE_MS;
  const stop = async (supervisor: ProjectSupervisor): Promise<void> => {
    if (!supervisor.isKnown) return;
    const told = supervisor.waiters.wait('shutdown', { clock, timeoutMs: endMs - clock.monotonic() });
    supervisor.send({ kind: 'shutdown' });
    if (!(await told)) log.warn('an instance was left running', { project: supervisor.name });
  };
  const settled = new AbortController();
  const patience = delay(clock, timeoutMs, settled.signal).catch(() => undefined);
  await stopDependentsFirst(supervisors, stop, patience);
  settled.abort();
}

/** `patience`: when it is over, nobody waits for the others any more. Resolves when every stop has. */
export async function stopDependentsFirst<E extends Ending>(
  all: readonly E[],
  stop: (one: E) => Promise<void>,
  patience: Promise<void>,
): Promise<void> {
  const dependents = dependentsOf(all);
  const stops = new Map<E, Promise<void>>();
  const stopInTurn = async (one: E, before: readonly E[]): Promise<void> => {
    // Everybody has to be in the map before anybody looks there.
    await Promise.resolve();
    await Promise.race([patience, Promise.all(before.map((each) => stops.get(each)))]);
    await stop(one);
  };
  for (const one of all) {
    const before = dependents.get(one.name) ?? [];
    stops.set(one, before.length === 0 ? stop(one) : stopInTurn(one, before));
  }
  await Promise.all(stops.values());
}

function dependentsOf<E extends Ending>(all: readonly E[]): ReadonlyMap<string, readonly E[]> {
  const dependents = new Map<string, E[]>();
  for (const one of all) {
    for (const { project } of one.keeping.dependsOn) {
      const known = dependents.get(project);
      if (known) known.push(one);
      else dependents.set(project, [one]);
    }
  }
  return dependents;
}
