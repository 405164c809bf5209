/** Which revisions of a project are kept: within the transaction that changes it. Owns nothing. */
import type { Transaction } from 'kysely';
import type { Project } from '../../domain/project.ts';
import { revisionsToForget } from '../../domain/revision.ts';
import type { Seal } from '../secrets/key-ring.ts';
import { toRevisionRow } from './revision-row.ts';
import type { Tables } from './tables.ts';

type Trx = Transaction<Tables>;

/** The revision that the settings are, if it is new; and those that are too many now go. */
export async function keepRevision(trx: Trx, project: Project, seal: Seal): Promise<void> {
  const { name } = project.settings;
  const rows = await trx.selectFrom('revisions').select('number').where('project', '=', name).execute();
  const known = rows.map(({ number }) => Number(number));
  if (known.includes(project.revision)) {
    await dropRevisions(trx, project, known);
    return;
  }
  await trx.insertInto('revisions').values(toRevisionRow(project, seal)).execute();
  await dropRevisions(trx, project, [...known, project.revision]);
}

async function dropRevisions(trx: Trx, project: Project, known: readonly number[]): Promise<void> {
  const used = [project.revision, ...project.traffic.map((share) => share.revision)];
  const forgotten = revisionsToForget(known, used);
  if (forgotten.length === 0) return;
  await trx
    .deleteFrom('revisions')
    .where('project', '=', project.settings.name)
    .where('number', 'in', forgotten)
    .execute();
}
