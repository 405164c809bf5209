/** Opens the SQLite file: private to its user, checked before use, refused and kept when it cannot be trusted. */
import { Database } from 'bun:sqlite';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import type { Store } from '../contract.ts';
import { BUSY_TIMEOUT_MS } from '../limits.ts';
import { KeyFile } from '../secrets/key-file.ts';
import { KeyRing } from '../secrets/key-ring.ts';
import { KEY_ID } from '../sql/facts.ts';
import { migrate } from '../sql/migrate.ts';
import { SqlStore } from '../sql/sql-store.ts';
import { explainSqliteError, SqliteEngine } from './sqlite-engine.ts';

export interface SqliteStoreOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Of the key that secrets are sealed with; made where the database knows of none yet. Default: `luma.key` beside it. */
  readonly keyFile?: string;
}

/** 'Luma' in the file's header: a database of another program is never taken for ours. */
const APPLICATION_ID = 0x4c75_6d61;

/** Events are left out: they can be many, and a damaged one harms no project. */
const CHECKED_TABLES = [
  'luma_migrations',
  'facts',
  'counters',
  'projects',
  'revisions',
  'registries',
  'hostnames',
  'instances',
] as const;

export async function createSqliteStore({ path, clock, keyFile }: SqliteStoreOptions): Promise<Store> {
  const ring = new KeyRing(new KeyFile(keyFile ?? defaultKeyFile(path)));
  const database = openDatabase(path, (opened) => {
    ring.load(readWantedKey(opened), path);
    if (keyFile === undefined) ring.makePrivate();
  });
  const engine = new SqliteEngine(database, path, clock);
  try {
    await migrate(engine, { clock, place: path, ring });
    const store = new SqlStore(engine, ring);
    await store.scrub();
    return store;
  } catch (error) {
    await engine.close();
    throw explainSqliteError(error, path) ?? error;
  }
}

/** `prepare` comes last, and may refuse. */
function openDatabase(path: string, prepare: (database: Database) => void): Database {
  makePrivateFile(path);
  let database: Database | undefined;
  try {
    database = new Database(path, { readwrite: true, strict: true });
    database.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    claimFile(database, path);
    database.run('pragma journal_mode = wal');
    checkTables(database, path);
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    throw explainSqliteError(error, path) ?? error;
  }
}

/** SQLite gives its -wal and -shm files the mode of the database, so that must be right before it opens it. */
function makePrivateFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      if (existsSync(file)) chmodSync(file, 0o600);
    }
  } catch (cause) {
    throw new LumaError('store_unavailable', `the database ${path} cannot be opened: ${messageOf(cause)}`, {
      hint: 'Check that its folder exists and belongs to the user Luma runs as, or choose another with --data-dir.',
      cause,
      details: { path },
    });
  }
}

/** An empty file becomes ours; one with somebody else's tables is left alone. */
function claimFile(database: Database, path: string): void {
  const applicationId = readNumber(database, 'pragma application_id');
  if (applicationId === APPLICATION_ID) return;
  if (applicationId !== 0 || readNumber(database, 'select count(*) from sqlite_schema') !== 0) {
    throw unreadable(path, 'it is a database of another program');
  }
  database.run(`pragma application_id = ${APPLICATION_ID}`);
}

function checkTables(database: Database, path: string): void {
  const present = new Set(
    database
      .query<{ name: string }, []>("select name from sqlite_schema where type = 'table'")
      .values()
      .flat(),
  );
  for (const table of CHECKED_TABLES) {
    if (!present.has(table)) continue;
    const [first] = database.query(`pragma quick_check(${table})`).values().flat();
    if (first !== 'ok') throw unreadable(path, `table ${table}: ${String(first)}`);
  }
}

/** Before anything is changed: a database with secrets is of no use without its key. */
function readWantedKey(database: Database): string | null {
  const isNew = readNumber(database, "select count(*) from sqlite_schema where name = 'facts'") === 0;
  if (isNew) return null;
  const [id] = database.query(`select value from facts where name = '${KEY_ID}'`).values().flat();
  return typeof id === 'string' ? id : null;
}

/** Where the key lies unless somebody says otherwise. */
function defaultKeyFile(path: string): string {
  return join(dirname(path), 'luma.key');
}

function readNumber(database: Database, query: string): number {
  const [value] = database.query(query).values().flat();
  return Number(value);
}

function unreadable(path: string, reason: string): LumaError {
  return new LumaError('store_unreadable', `the database ${path} cannot be used: ${reason}`, {
    hint: 'It was kept as it is. Restore a backup, or move it and its -wal and -shm files away to begin anew.',
    details: { path },
  });
}
