/** Brings a database to this program's schema, one numbered step and one transaction at a time. */
import type { Transaction } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { KeyRing } from '../secrets/key-ring.ts';
import { type Migration, migrations } from './migrations.ts';
import type { SqlEngine } from './sql-engine.ts';
import type { Tables } from './tables.ts';

export interface MigrateOptions {
  readonly clock: Clock;
  /** What the database is called in messages: its file, or its URL without the password. */
  readonly place: string;
  readonly ring: KeyRing;
  readonly steps?: readonly Migration[];
}

export async function migrate(engine: SqlEngine, options: MigrateOptions): Promise<void> {
  const steps = options.steps ?? migrations;
  await engine.write('synced', createMigrationTable);
  while (await engine.write('synced', (trx) => applyNext(trx, engine, steps, options)));
}

async function createMigrationTable(trx: Transaction<Tables>): Promise<void> {
  await trx.schema
    .createTable('luma_migrations')
    .ifNotExists()
    .addColumn('number', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'varchar(255)', (column) => column.notNull())
    .addColumn('applied_at', 'bigint', (column) => column.notNull())
    .execute();
}

/** False when nothing is left to do. The number is read in the same transaction that raises it. */
async function applyNext(
  trx: Transaction<Tables>,
  engine: SqlEngine,
  steps: readonly Migration[],
  options: MigrateOptions,
): Promise<boolean> {
  const newest = await trx
    .selectFrom('luma_migrations')
    .select((select) => select.fn.max('number').as('number'))
    .executeTakeFirst();
  const applied = Number(newest?.number ?? 0);
  if (applied > steps.length) throw newerDatabase(options.place, applied, steps.length);
  const step = steps[applied];
  if (!step) return false;
  await step.up(trx, engine, options.ring);
  await trx
    .insertInto('luma_migrations')
    .values({ number: applied + 1, name: step.name, applied_at: options.clock.now() })
    .execute();
  return true;
}

function newerDatabase(place: string, found: number, known: number): LumaError {
  return new LumaError(
    'store_newer',
    `${place} was written by a newer Luma: its schema is number ${found}, this program knows ${known}`,
    {
      hint: 'Start the newer version, or restore the backup made before the upgrade. Nothing was changed.',
      details: { place, found, known },
    },
  );
}
