/** The first look at everything after a start: which instances belong to which project, and which to none. */
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Project } from '../../domain/project.ts';
import type { Revision } from '../../domain/revision.ts';
import type { ObservedInstance, Runtime } from '../../runtimes/contract.ts';
import type { InstanceRecord, Store } from '../../store/contract.ts';

export interface Survey {
  readonly observed: ReadonlyMap<string, ObservedInstance>;
  readonly recordsByProject: ReadonlyMap<string, readonly InstanceRecord[]>;
  /** Of those projects that have, or are to have, instances of another revision than their own. */
  readonly revisionsByProject: ReadonlyMap<string, readonly Revision[]>;
}

export async function survey(store: Store, runtime: Runtime, projects: readonly Project[]): Promise<Survey> {
  const [records, found] = await Promise.all([store.listInstances(), runtime.list()]);
  const recordsByProject = new Map<string, InstanceRecord[]>();
  for (const record of records) {
    const list = recordsByProject.get(record.project);
    if (list) list.push(record);
    else recordsByProject.set(record.project, [record]);
  }
  const revisionsByProject = new Map<string, readonly Revision[]>();
  for (const { settings, revision, traffic } of projects) {
    if (revisionsByProject.has(settings.name)) continue;
    const numbers = [...(recordsByProject.get(settings.name) ?? []), ...traffic].map((each) => each.revision);
    if (numbers.some((number) => number !== revision))
      revisionsByProject.set(settings.name, await store.listRevisions(settings.name));
  }
  const observed = new Map(found.map((each) => [each.instanceId, each]));
  return { observed, recordsByProject, revisionsByProject };
}

const ORPHAN_STOP_TIMEOUT_MS = 10_000;

/** What deleted projects left behind goes; what the store never knew is not ours to touch. */
export async function sweep(
  { observed, recordsByProject }: Survey,
  isProject: (name: string) => boolean,
  needs: { readonly store: Store; readonly runtime: Runtime; readonly log: Log },
): Promise<void> {
  const known = new Set<string>();
  const orphans: InstanceRecord[] = [];
  for (const [project, records] of recordsByProject) {
    for (const record of records) known.add(record.instanceId);
    if (!isProject(project)) orphans.push(...records);
  }
  for (const { instanceId, project } of observed.values()) {
    if (known.has(instanceId)) continue;
    needs.log.warn('an instance with our label is unknown to the store and left alone', {
      instance: instanceId,
      project,
    });
  }
  await Promise.all(orphans.map((record) => removeOrphan(record, observed.get(record.instanceId), needs)));
}

/** What fails stays recorded, and the next start tries again. */
async function removeOrphan(
  { instanceId, project }: InstanceRecord,
  observed: ObservedInstance | undefined,
  { store, runtime, log }: { readonly store: Store; readonly runtime: Runtime; readonly log: Log },
): Promise<void> {
  try {
    if (observed?.state === 'running' || observed?.state === 'frozen') {
      await runtime.stop(instanceId, ORPHAN_STOP_TIMEOUT_MS);
    }
    await runtime.remove(instanceId);
    await store.removeInstance(instanceId);
    log.info('what a deleted project left was removed', { instance: instanceId, project });
  } catch (error) {
    log.warn('what a deleted project left could not be removed', {
      instance: instanceId,
      project,
      error: messageOf(error),
    });
  }
}
