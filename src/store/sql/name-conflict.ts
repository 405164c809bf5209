/** Who has what the database refused to give twice. Owns nothing. */
import type { Transaction } from 'kysely';
import type { LumaError } from '../../base/errors.ts';
import type { Project } from '../../domain/project.ts';
import { hostnameTaken, projectExists } from '../refusals.ts';
import type { Tables } from './tables.ts';

/** The refusal that names the owner of the project's name, or of its hostname; null: by now nobody has it. */
export async function findConflict(
  trx: Transaction<Tables>,
  project: Project,
  isNew: boolean,
): Promise<LumaError | null> {
  const { name, hostnames } = project.settings;
  if (isNew) {
    const same = await trx.selectFrom('projects').select('name').where('name', '=', name).executeTakeFirst();
    if (same) return projectExists(name);
  }
  if (hostnames.length === 0) return null;
  const taken = await trx
    .selectFrom('hostnames')
    .selectAll()
    .where('hostname', 'in', hostnames)
    .where('project', '!=', name)
    .orderBy('hostname')
    .executeTakeFirst();
  return taken ? hostnameTaken(taken.hostname, taken.project) : null;
}
