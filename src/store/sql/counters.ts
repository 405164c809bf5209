/** Numbers of the database that only grow, by name. Owns nothing. */
import type { Transaction } from 'kysely';
import type { Tables } from './tables.ts';

/** Its new value, which nobody else gets. */
export async function raise(trx: Transaction<Tables>, name: 'epoch' | 'event_id'): Promise<number> {
  await trx
    .updateTable('counters')
    .set((set) => ({ value: set('value', '+', 1) }))
    .where('name', '=', name)
    .execute();
  const row = await trx
    .selectFrom('counters')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return Number(row.value);
}
