/** Single values of the database, by name. Owns nothing. */
import type { Transaction } from 'kysely';
import { LumaError } from '../../base/errors.ts';
import type { Tables } from './tables.ts';

export const KEY_ID = 'key_id';

export async function readFact(trx: Transaction<Tables>, name: string): Promise<string | undefined> {
  const row = await trx.selectFrom('facts').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value;
}

/** Of the key that everything sealed in this database is sealed with. */
export async function readKeyId(trx: Transaction<Tables>): Promise<string> {
  const id = await readFact(trx, KEY_ID);
  if (id !== undefined) return id;
  throw new LumaError(
    'store_unreadable',
    'the database does not say which key its secrets are encrypted with',
    {
      hint: 'The database was changed by something other than Luma, or is damaged: restore a backup.',
    },
  );
}
