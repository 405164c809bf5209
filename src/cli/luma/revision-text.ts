/** Revisions as people read them, and waiting for one to serve. */

import type { FailureJson, ProjectJson, RevisionJson, TrafficShareJson } from '../../api/client/index.ts';
import { delay, systemClock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import { printable } from '../terminal.ts';
import type { LumaContext } from './context.ts';

const LOOK_EVERY_MS = 250;

export const revisionHead = ['REVISION', 'TRAFFIC', 'RUNS', 'CREATED'] as const;

export function revisionRow(revision: RevisionJson): readonly string[] {
  const { percent, tags, docker_image: image, command } = revision;
  const share = [percent > 0 ? `${percent} %` : '', ...tags].filter(Boolean).join(', ');
  return [String(revision.revision), share, image ?? (command ?? []).join(' '), revision.created_at];
}

/** Resolves when the project's revision serves; fails with why it does not. */
export async function untilServing(
  { client, signal, progress }: LumaContext,
  deployed: ProjectJson,
): Promise<ProjectJson> {
  const { name, revision } = deployed;
  progress(`revision ${revision} of ${name} is prepared and started`);
  for (let project = deployed; ; project = await client.getProject(name, { signal })) {
    if (project.revision !== revision) throw overtaken(name, revision, project.revision);
    if (project.switch_failure) throw notSwitched(project, project.switch_failure);
    const isItsTurn = project.traffic.some(isServed(revision));
    if (isItsTurn && project.failure) throw notStarted(project, project.failure);
    if (isItsTurn && project.status !== 'starting') return project;
    await delay(systemClock, LOOK_EVERY_MS, signal);
  }
}

function isServed(revision: number): (share: TrafficShareJson) => boolean {
  return (share) => share.revision === revision && share.percent > 0;
}

/** What a person should know of a revision that gets no requests; null: it gets some. */
export function unservedText({ name, revision, traffic }: ProjectJson): string | null {
  const shares = traffic.filter((share) => share.revision === revision);
  if (shares.some((share) => share.wanted_percent > 0)) return null;
  const url = shares.flatMap(({ urls }) => urls)[0];
  const where = url === undefined ? '' : `; it is reached at ${url}`;
  return `revision ${revision} of ${name} is deployed and gets no requests${where}\nhint: luma traffic ${name} --latest sends them there\n`;
}

function notStarted({ name, revision }: ProjectJson, failure: FailureJson): LumaError {
  const message = `revision ${revision} of ${name} does not start: ${failure.message}${linesOf(failure)}`;
  return new LumaError('deploy_failed', message, { hint: 'correct it and deploy again' });
}

function linesOf({ log_lines: lines }: FailureJson): string {
  return lines.map((line) => `\n  ${printable(line)}`).join('');
}

function notSwitched({ name, revision, traffic }: ProjectJson, failure: FailureJson): LumaError {
  const serving = traffic
    .filter(({ percent }) => percent > 0)
    .map((share) => share.revision)
    .join(' and ');
  return new LumaError(
    'switch_failed',
    `revision ${revision} of ${name} does not serve, revision ${serving} goes on: ${failure.message}${linesOf(failure)}`,
    { hint: `correct it and deploy again, or give it up: luma rollback ${name}` },
  );
}

function overtaken(name: string, revision: number, newer: number): LumaError {
  return new LumaError(
    'deploy_overtaken',
    `revision ${newer} of ${name} took the place of revision ${revision}`,
    {
      hint: `see luma events ${name}`,
    },
  );
}
