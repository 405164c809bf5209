import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { isLumaError } from '../../base/errors.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { NO_PROBES } from '../../domain/probe.ts';
import { DEFAULT_SCALING } from '../../domain/project.ts';
import { allTo, revisionSettingsOf } from '../../domain/revision.ts';
import { KeyFile } from '../secrets/key-file.ts';
import { KeyRing, type Seal } from '../secrets/key-ring.ts';
import { migrate } from '../sql/migrate.ts';
import { migrations } from '../sql/migrations.ts';
import { toHostnameRows, toProjectRow } from '../sql/project-row.ts';
import { SqlStore } from '../sql/sql-store.ts';
import type { ProjectRow } from '../sql/tables.ts';
import { makeEvent, makeProject } from '../store.contract.ts';
import { SqliteEngine } from './sqlite-engine.ts';

let folder: string;
let path: string;
let database: Database;
let engine: SqliteEngine;
let ring: KeyRing;
let clock: ManualClock;

/** As rows were before values were sealed. */
const readable: Seal = (_place, text) => text;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-engine-'));
  path = join(folder, 'luma.db');
  database = new Database(path);
  database.run('pragma journal_mode = wal');
  clock = new ManualClock();
  engine = new SqliteEngine(database, path, clock);
  ring = new KeyRing(new KeyFile(join(folder, 'luma.key')));
  ring.load(null, path);
});

afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

const migrateAll = () => migrate(engine, { clock: new ManualClock(), place: path, ring });

describe('failures of the database', () => {
  test('locked by another process: store_busy after two seconds, in which this one goes on', async () => {
    await migrateAll();
    const store = new SqlStore(engine, ring);
    const other = new Database(path);
    other.run('begin immediate');
    const refused = store.insertProject(makeProject('app')).catch((cause: unknown) => cause);
    expect(await store.listProjects()).toEqual([]);
    for (let waitedMs = 0; waitedMs < 2_100; waitedMs += 25) await clock.advance(25);
    const error = await refused;
    expect(isLumaError(error, 'store_busy') && error.message).toContain(path);
    const late = store.insertProject(makeProject('app'));
    await clock.advance(100);
    other.run('rollback');
    other.close(true);
    for (let waitedMs = 0; waitedMs < 200; waitedMs += 25) await clock.advance(25);
    await late;
    expect(await store.listProjects()).toHaveLength(1);
  });

  test('moved away: store_unavailable, and it works again when the very file is back', async () => {
    await migrateAll();
    const store = new SqlStore(engine, ring);
    renameSync(path, `${path}.away`);
    const gone = await store.insertProject(makeProject('app')).catch((cause: unknown) => cause);
    expect(isLumaError(gone, 'store_unavailable') && gone.message).toContain('was moved or removed');
    writeFileSync(path, '');
    const other = await store.insertProject(makeProject('app')).catch((cause: unknown) => cause);
    expect(isLumaError(other, 'store_unavailable') && other.message).toContain('is another file');
    expect(await store.listProjects()).toEqual([]);
    renameSync(`${path}.away`, path);
    await store.insertProject(makeProject('app'));
    expect(await store.listProjects()).toHaveLength(1);
  });

  test('disk full: store_full, nothing half written, and it works again when there is room', async () => {
    await migrateAll();
    const store = new SqlStore(engine, ring);
    await store.insertProject(makeProject('app'));
    const pages = Number(database.query('pragma page_count').values()[0]?.[0]);
    database.run(`pragma max_page_count = ${pages + 2}`);
    const base = makeProject('big');
    const big = { ...base, settings: { ...base.settings, envVars: { BIG: 'x'.repeat(100_000) } } };
    const error = await store.insertProject(big).catch((cause: unknown) => cause);
    expect(isLumaError(error, 'store_full') && error.message).toContain(path);
    expect(await store.listProjects()).toEqual([makeProject('app')]);
    database.run('pragma max_page_count = 100000');
    await store.insertProject(big);
    expect(await store.getProject('big')).toEqual(big);
  });

  test('what is no failure of the database is a bug, and stays as it was', async () => {
    expect(engine.explain(new TypeError('oops'))).toBeNull();
    const error = await sql`select nonsense from nowhere`.execute(engine.db).catch((cause: unknown) => cause);
    expect(engine.explain(error)).toBeNull();
  });
});

describe('durability', () => {
  const level = (trx: typeof engine.db) => sql<{ synchronous: number }>`pragma synchronous`.execute(trx);

  test('a synced write syncs each commit, a relaxed one leaves it to the next', async () => {
    const levels = await Promise.all([
      engine.write('synced', level),
      engine.write('relaxed', level),
      engine.write('synced', level),
    ]);
    // 2 is FULL, 1 is NORMAL.
    expect(levels.map(({ rows }) => rows[0]?.synchronous)).toEqual([2, 1, 2]);
  });

  test('a write that throws leaves nothing', async () => {
    await migrateAll();
    const failing = engine.write('synced', async (trx) => {
      await trx.insertInto('facts').values({ name: 'a', value: 'b' }).execute();
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    const written = engine.db.selectFrom('facts').selectAll().where('name', '=', 'a');
    expect(await written.execute()).toEqual([]);
  });
});

describe('migrations', () => {
  const second = {
    name: 'a second step',
    up: async (trx: typeof engine.db) => {
      await trx.schema.alterTable('projects').addColumn('colour', 'varchar(16)').execute();
    },
  };

  test('run once each, in order, and note when', async () => {
    const clock = new ManualClock(5_000);
    await migrate(engine, { clock, place: path, ring });
    await migrate(engine, { clock, place: path, ring, steps: [...migrations, second] });
    await migrate(engine, { clock, place: path, ring, steps: [...migrations, second] });
    const rows = await engine.db.selectFrom('luma_migrations').selectAll().orderBy('number').execute();
    expect(rows).toEqual([
      ...migrations.map(({ name }, index) => ({ number: index + 1, name, applied_at: 5_000 })),
      { number: migrations.length + 1, name: 'a second step', applied_at: 5_000 },
    ]);
  });

  test('keep what was stored before', async () => {
    await migrateAll();
    const store = new SqlStore(engine, ring);
    await store.insertProject(makeProject('app'));
    await store.appendEvent(makeEvent('app'));
    await migrate(engine, { clock: new ManualClock(), place: path, ring, steps: [...migrations, second] });
    expect(await store.getProject('app')).toEqual(makeProject('app'));
  });

  test('let projects from before HTTPS answer as they did', async () => {
    const clock = new ManualClock();
    await migrate(engine, { clock, place: path, ring, steps: migrations.slice(0, 3) });
    const { settings, ...row } = toProjectRow(makeProject('app'), readable);
    const document = JSON.parse(settings);
    for (const field of ['ssl', 'ssl_redirect', 'response_timeout_ms', 'forward_headers', 'path_prefix'])
      delete document[field];
    await engine.db
      .insertInto('projects')
      .values({ ...row, settings: JSON.stringify(document) })
      .execute();
    await migrate(engine, { clock, place: path, ring });
    expect((await new SqlStore(engine, ring).getProject('app'))?.settings).toMatchObject({
      ssl: false,
      sslRedirect: true,
      responseTimeoutMs: null,
      forwardHeaders: false,
      pathPrefix: '/',
    });
  });

  test('give projects from before wait modes what they had all along', async () => {
    const clock = new ManualClock();
    await migrate(engine, { clock, place: path, ring, steps: migrations.slice(0, 1) });
    const store = new SqlStore(engine, ring);
    const { waitMode: _mode, quietRules: _rules, ...settings } = makeProject('app').settings;
    const { traffic: _traffic, ...row } = toProjectRow({ ...makeProject('app'), revision: 7 }, readable);
    const old = JSON.parse(row.settings);
    for (const field of ['wait_mode', 'quiet_rules', 'scaling', 'probes']) delete old[field];
    const before = { ...row, settings: JSON.stringify(old) };
    await engine.db
      .insertInto('projects')
      .values(before as ProjectRow)
      .execute();
    for (const hostname of toHostnameRows(makeProject('app')))
      await engine.db.insertInto('hostnames').values(hostname).execute();
    await expect(store.getProject('app')).rejects.toMatchObject({ code: 'store_unreadable' });
    await migrate(engine, { clock, place: path, ring });
    const project = await store.getProject('app');
    expect(project?.settings).toEqual({
      ...settings,
      waitMode: 'hold',
      quietRules: [],
      scaling: DEFAULT_SCALING,
      probes: NO_PROBES,
    });
    expect(project?.traffic).toEqual(allTo(7));
    const [revision, ...more] = await store.listRevisions('app');
    expect(more).toEqual([]);
    const ofRevision = { ...revisionSettingsOf(makeProject('app').settings), probes: NO_PROBES };
    expect(revision).toMatchObject({ number: 7, settings: ofRevision });
  });

  test('leave the schema of the last good step when one breaks half way', async () => {
    const broken = {
      name: 'broken',
      up: async (trx: typeof engine.db) => {
        await second.up(trx);
        throw new Error('half way');
      },
    };
    const run = migrate(engine, {
      clock: new ManualClock(),
      place: path,
      ring,
      steps: [...migrations, broken],
    });
    await expect(run).rejects.toThrow('half way');
    const columns = database
      .query('pragma table_info(projects)')
      .values()
      .map(([, name]) => name);
    expect(columns).not.toContain('colour');
    await migrate(engine, { clock: new ManualClock(), place: path, ring, steps: [...migrations, second] });
  });
});
