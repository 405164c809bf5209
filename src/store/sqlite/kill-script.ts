/** What the writer of the kill test does, step by step, so that its parent can know what must be there. */
import type { Project } from '../../domain/project.ts';
import type { Store } from '../contract.ts';
import { makeEvent, makeProject } from '../store.contract.ts';

const SLOTS = 7;

/** The project a step is about, as the step leaves it; null where the step deletes it. */
export function projectAfter(step: number): { readonly name: string; readonly project: Project | null } {
  const name = `slot-${step % SLOTS}`;
  const round = Math.floor(step / SLOTS);
  if (round % 3 === 2) return { name, project: null };
  const base = makeProject(name, [`${name}-${step}.localhost`, `${name}.localhost`]);
  return { name, project: { ...base, revision: step + 1 } };
}

export async function runStep(store: Store, step: number): Promise<void> {
  await writeProject(store, step);
  await writeJournal(store, step);
}

export async function writeProject(store: Store, step: number): Promise<void> {
  const { name, project } = projectAfter(step);
  if (!project) await store.deleteProject(name);
  else if (Math.floor(step / SLOTS) % 3 === 0) await store.insertProject(project);
  else await store.updateProject(project);
}

export async function writeJournal(store: Store, step: number): Promise<void> {
  const record = {
    instanceId: 'i-last',
    project: 'journal',
    service: 'journal',
    revision: step,
    createdAt: step,
  };
  await store.putInstance({ ...record, intent: 'live' });
  await store.appendEvent(makeEvent('journal', String(step)));
}

/** What the store holds once steps 0 to `count - 1` are done. */
export function projectsAfter(count: number): Map<string, Project> {
  const projects = new Map<string, Project>();
  for (let step = 0; step < count; step++) {
    const { name, project } = projectAfter(step);
    if (project) projects.set(name, project);
    else projects.delete(name);
  }
  return projects;
}
