/**
 * The schema, as the steps that lead to it. A step that was released is never changed: a new one is added.
 * Types are chosen so that the steps run on SQLite, PostgreSQL and MySQL alike.
 */
import type { Transaction } from 'kysely';
import type { SqlEngine } from './sql-engine.ts';
import type { Tables } from './tables.ts';

export interface Migration {
  readonly name: string;
  up(trx: Transaction<Tables>, engine: SqlEngine): Promise<void>;
}

/** Migration number n is the n-th of the list, counted from 1. */
export const migrations: readonly Migration[] = [
  { name: 'projects, hostnames, instances, events', up: createFirstSchema },
  { name: 'wait mode and quiet rules', up: addWaiting },
];

async function createFirstSchema(trx: Transaction<Tables>, engine: SqlEngine): Promise<void> {
  const { schema } = trx;
  await schema
    .createTable('facts')
    .addColumn('name', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('value', 'varchar(255)', (column) => column.notNull())
    .execute();
  await schema
    .createTable('counters')
    .addColumn('name', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute();
  await trx
    .insertInto('counters')
    .values([
      { name: 'epoch', value: 0 },
      { name: 'event_id', value: 0 },
    ])
    .execute();
  await createProjectTables(trx, engine);
  await createEventTable(trx, engine);
}

async function createProjectTables({ schema }: Transaction<Tables>, engine: SqlEngine): Promise<void> {
  await schema
    .createTable('projects')
    .addColumn('name', 'varchar(63)', (column) => column.primaryKey())
    .addColumn('settings', engine.longText as 'text', (column) => column.notNull())
    .addColumn('wanted', 'varchar(16)', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('hostnames')
    .addColumn('hostname', 'varchar(255)', (column) => column.primaryKey())
    .addColumn('project', 'varchar(63)', (column) => column.notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .execute();
  await schema.createIndex('hostnames_by_project').on('hostnames').column('project').execute();
  await schema
    .createTable('instances')
    .addColumn('instance_id', 'varchar(128)', (column) => column.primaryKey())
    .addColumn('project', 'varchar(63)', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('intent', 'varchar(16)', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
}

async function createEventTable({ schema }: Transaction<Tables>, engine: SqlEngine): Promise<void> {
  await schema
    .createTable('events')
    .addColumn('id', 'bigint', (column) => column.primaryKey())
    .addColumn('project', 'varchar(63)', (column) => column.notNull())
    .addColumn('kind', 'varchar(32)', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('message', engine.longText as 'text', (column) => column.notNull())
    .addColumn('details', engine.longText as 'text', (column) => column.notNull())
    .execute();
  await schema.createIndex('events_by_project').on('events').columns(['project', 'id']).execute();
}

/** Projects from before are held for, and know no quiet rules. */
async function addWaiting(trx: Transaction<Tables>): Promise<void> {
  const rows = await trx.selectFrom('projects').select(['name', 'settings']).execute();
  for (const { name, settings } of rows) {
    const document: object = { wait_mode: 'hold', quiet_rules: [], ...JSON.parse(settings) };
    const update = trx.updateTable('projects').set({ settings: JSON.stringify(document) });
    await update.where('name', '=', name).execute();
  }
}
