/** The events of the projects in the database, and how many are kept. Owns nothing. */
import type { Transaction } from 'kysely';
import type { ProjectEvent, ProjectEventKind } from '../../domain/project-event.ts';
import type { EventQuery } from '../contract.ts';
import { EVENTS_LISTED_DEFAULT, EVENTS_PER_PROJECT_MAX } from '../limits.ts';
import { raise } from './counters.ts';
import type { Tables } from './tables.ts';

type Trx = Transaction<Tables>;

export async function appendEvent(trx: Trx, event: Omit<ProjectEvent, 'id'>): Promise<ProjectEvent> {
  const id = await raise(trx, 'event_id');
  await trx
    .insertInto('events')
    .values({ ...event, id, details: JSON.stringify(event.details) })
    .execute();
  await dropOldEvents(trx, event.project);
  return { ...event, id };
}

export async function listEvents(
  trx: Trx,
  project: string,
  { afterId, limit }: EventQuery,
): Promise<readonly ProjectEvent[]> {
  const rows = await trx
    .selectFrom('events')
    .selectAll()
    .where('project', '=', project)
    .$if(afterId !== undefined, (select) => select.where('id', '>', afterId ?? 0))
    .orderBy('id', afterId === undefined ? 'desc' : 'asc')
    .limit(limit ?? EVENTS_LISTED_DEFAULT)
    .execute();
  return rows.map(fromEventRow);
}

async function dropOldEvents(trx: Trx, project: string): Promise<void> {
  const oldest = await trx
    .selectFrom('events')
    .select('id')
    .where('project', '=', project)
    .orderBy('id', 'desc')
    .limit(1)
    .offset(EVENTS_PER_PROJECT_MAX)
    .executeTakeFirst();
  if (!oldest) return;
  await trx.deleteFrom('events').where('project', '=', project).where('id', '<=', oldest.id).execute();
}

function fromEventRow(row: Tables['events']): ProjectEvent {
  return {
    id: Number(row.id),
    project: row.project,
    kind: row.kind as ProjectEventKind,
    at: Number(row.at),
    message: row.message,
    details: JSON.parse(row.details) as Record<string, unknown>,
  };
}
