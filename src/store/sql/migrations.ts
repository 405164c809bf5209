/**
 * The schema, as the steps that lead to it. A step that was released is never changed: a new one is added.
 * Types are chosen so that the steps run on SQLite, PostgreSQL and MySQL alike.
 */
import type { Transaction } from 'kysely';
import type { KeyRing } from '../secrets/key-ring.ts';
import { projectPlace, revisionPlace, sealEnvironment } from './sealed-environment.ts';
import type { SqlEngine } from './sql-engine.ts';
import type { Tables } from './tables.ts';

export interface Migration {
  readonly name: string;
  up(trx: Transaction<Tables>, engine: SqlEngine, ring: KeyRing): Promise<void>;
}

/** Migration number n is the n-th of the list, counted from 1. */
export const migrations: readonly Migration[] = [
  { name: 'projects, hostnames, instances, events', up: createFirstSchema },
  { name: 'wait mode and quiet rules', up: addWaiting },
  { name: 'revisions and traffic', up: addRevisions },
  { name: 'HTTPS, response timeout, forwarded headers, path prefix', up: addRouteSettings },
  { name: 'scaling', up: addScaling },
  { name: 'sealed environment variables', up: sealEnvironments },
  { name: 'registries', up: addRegistries },
  { name: 'dependencies, groups, schedules', up: addKeeping },
  { name: 'instances of lanes', up: addLanes },
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

/** Projects from before answer as they did: by HTTP, on every path, however long it takes. */
async function addRouteSettings(trx: Transaction<Tables>): Promise<void> {
  const before = {
    ssl: false,
    ssl_redirect: true,
    response_timeout_ms: null,
    forward_headers: false,
    path_prefix: '/',
  };
  const rows = await trx.selectFrom('projects').select(['name', 'settings']).execute();
  for (const { name, settings } of rows) {
    const document: object = { ...before, ...JSON.parse(settings) };
    const update = trx.updateTable('projects').set({ settings: JSON.stringify(document) });
    await update.where('name', '=', name).execute();
  }
}

/** Of projects from before only the revision that is now is known. */
async function addRevisions(trx: Transaction<Tables>, engine: SqlEngine): Promise<void> {
  const { schema } = trx;
  await schema
    .createTable('revisions')
    .addColumn('project', 'varchar(63)', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('settings', engine.longText as 'text', (column) => column.notNull())
    .addColumn('pinned_image', 'varchar(512)')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('revisions_key', ['project', 'number'])
    .execute();
  await schema
    .alterTable('projects')
    .addColumn('traffic', engine.longText as 'text')
    .execute();
  const rows = await trx
    .selectFrom('projects')
    .select(['name', 'settings', 'revision', 'updated_at'])
    .execute();
  for (const { name, settings, revision, updated_at } of rows) {
    const document = JSON.parse(settings) as Record<string, unknown>;
    const ofRevision = Object.fromEntries(FIRST_REVISION_FIELDS.map((field) => [field, document[field]]));
    await trx
      .insertInto('revisions')
      .values({
        project: name,
        number: revision,
        settings: JSON.stringify(ofRevision),
        pinned_image: null,
        created_at: updated_at,
      })
      .execute();
  }
}

/** Those that made a revision when revisions were first kept. */
const FIRST_REVISION_FIELDS = [
  'image',
  'command',
  'entrypoint',
  'working_dir',
  'env_vars',
  'container_port',
  'health_check',
  'stop_timeout_ms',
] as const;

/** Projects from before may scale as new ones do. */
async function addScaling(trx: Transaction<Tables>): Promise<void> {
  const scaling = {
    min_instances: 0,
    max_instances: 100,
    concurrency: 80,
    target_utilization: 0.7,
    freeze_after_ms: null,
    session_affinity: false,
  };
  const rows = await trx.selectFrom('projects').select(['name', 'settings']).execute();
  for (const { name, settings } of rows) {
    const document: object = { scaling, ...JSON.parse(settings) };
    const update = trx.updateTable('projects').set({ settings: JSON.stringify(document) });
    await update.where('name', '=', name).execute();
  }
}

/** What was readable until now is sealed, and then swept out of the file (`scrub`). */
async function sealEnvironments(trx: Transaction<Tables>, _: SqlEngine, ring: KeyRing): Promise<void> {
  const key = ring.first;
  const seal = ring.sealerOf(key.id);
  const facts = [{ name: 'key_id', value: key.id }];
  const projects = await trx.selectFrom('projects').select(['name', 'settings']).execute();
  for (const { name, settings } of projects) {
    const sealed = withSealedEnvironment(settings, (values) =>
      sealEnvironment(values, projectPlace(name), seal),
    );
    await trx.updateTable('projects').set({ settings: sealed }).where('name', '=', name).execute();
  }
  const revisions = await trx.selectFrom('revisions').select(['project', 'number', 'settings']).execute();
  for (const { project, number, settings } of revisions) {
    const place = revisionPlace(project, Number(number));
    const sealed = withSealedEnvironment(settings, (values) => sealEnvironment(values, place, seal));
    const update = trx.updateTable('revisions').set({ settings: sealed });
    await update.where('project', '=', project).where('number', '=', number).execute();
  }
  const epoch = await trx
    .selectFrom('counters')
    .select('value')
    .where('name', '=', 'epoch')
    .executeTakeFirst();
  // One that was in use may hold values of deleted projects too.
  if (Number(epoch?.value ?? 0) > 0 || projects.length > 0) facts.push({ name: SCRUB_DUE, value: 'yes' });
  await trx.insertInto('facts').values(facts).execute();
}

/** A fact while the database file may still hold, in its unused parts, what was replaced. */
export const SCRUB_DUE = 'scrub_due';

function withSealedEnvironment(
  settings: string,
  sealed: (values: Record<string, string>) => Record<string, string>,
): string {
  const document = JSON.parse(settings) as { env_vars: Record<string, string> };
  return JSON.stringify({ ...document, env_vars: sealed(document.env_vars) });
}

async function addRegistries({ schema }: Transaction<Tables>, engine: SqlEngine): Promise<void> {
  await schema
    .createTable('registries')
    .addColumn('host', 'varchar(255)', (column) => column.primaryKey())
    .addColumn('kind', 'varchar(32)', (column) => column.notNull())
    .addColumn('username', 'varchar(255)')
    .addColumn('secret', engine.longText as 'text', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
}

/** Projects from before belong to nobody, and follow no calendar. */
async function addKeeping(trx: Transaction<Tables>): Promise<void> {
  const keeping = { depends_on: [], group: null, schedules: [] };
  const rows = await trx.selectFrom('projects').select(['name', 'settings']).execute();
  for (const { name, settings } of rows) {
    const document: object = { keeping, ...JSON.parse(settings) };
    const update = trx.updateTable('projects').set({ settings: JSON.stringify(document) });
    await update.where('name', '=', name).execute();
  }
}

/** Instances from before are targets of their projects' own services. */
async function addLanes({ schema }: Transaction<Tables>): Promise<void> {
  await schema.alterTable('instances').addColumn('service', 'varchar(128)').execute();
}
