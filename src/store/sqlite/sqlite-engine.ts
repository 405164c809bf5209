/** SQLite's own ways: what is synced when, and what its error codes mean to a person. */
import { type Database, SQLiteError } from 'bun:sqlite';
import { statSync } from 'node:fs';
import { Kysely, sql, type Transaction } from 'kysely';
import { type Clock, delay } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import { BUSY_PATIENCE_MS, BUSY_RETRY_MS } from '../limits.ts';
import type { Durability, SqlEngine } from '../sql/sql-engine.ts';
import type { Tables } from '../sql/tables.ts';
import { BunSqliteDialect } from './bun-sqlite-dialect.ts';

export class SqliteEngine implements SqlEngine {
  readonly kind = 'sqlite';
  readonly longText = 'text';
  readonly db: Kysely<Tables>;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #place: Place | null;
  #closed: Promise<void> | undefined;

  constructor(database: Database, path: string, clock: Clock) {
    this.db = new Kysely<Tables>({ dialect: new BunSqliteDialect(database) });
    this.#path = path;
    this.#clock = clock;
    this.#place = placeOf(path);
    // SQLite would wait for a lock with the whole process: we wait ourselves.
    database.run('pragma busy_timeout = 0');
  }

  write<T>(durability: Durability, body: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#patiently(() => {
      this.#checkPlace();
      return this.#write(durability, body);
    });
  }

  read<T>(body: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#patiently(() => this.db.transaction().setAccessMode('read only').execute(body));
  }

  #write<T>(durability: Durability, body: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.db.connection().execute(async (connection) => {
      // FULL syncs the WAL at each commit, and with it every relaxed commit before. Not allowed inside a transaction.
      await sql
        .raw(`pragma synchronous = ${durability === 'synced' ? 'full' : 'normal'}`)
        .execute(connection);
      return connection.transaction().execute(body);
    });
  }

  /** The file is written anew, and then the journal is cut to nothing. */
  async scrub(): Promise<void> {
    await this.db.connection().execute(async (connection) => {
      await sql.raw('vacuum').execute(connection);
      await sql.raw('pragma wal_checkpoint(truncate)').execute(connection);
    });
  }

  isUniqueViolation(error: unknown): boolean {
    return (
      error instanceof SQLiteError &&
      (error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || error.code === 'SQLITE_CONSTRAINT_UNIQUE')
    );
  }

  explain(error: unknown): LumaError | null {
    return explainSqliteError(error, this.#path);
  }

  /** A transaction that met a lock did nothing: it is begun again, whole. */
  async #patiently<T>(run: () => Promise<T>): Promise<T> {
    const endMs = this.#clock.monotonic() + BUSY_PATIENCE_MS;
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (!isBusy(error) || this.#clock.monotonic() >= endMs) throw error;
      }
      await delay(this.#clock, BUSY_RETRY_MS);
    }
  }

  /** SQLite goes on with a file that has lost its name, and all of it would be gone with this process. */
  #checkPlace(): void {
    const now = placeOf(this.#path);
    if (now?.device === this.#place?.device && now?.inode === this.#place?.inode) return;
    const says = now ? 'is another file than the one Luma opened' : 'was moved or removed';
    throw new LumaError('store_unavailable', `the database ${this.#path} ${says}`, {
      hint: 'Put the file back (mv, not cp): Luma goes on and catches up. To begin with what is there now, restart Luma.',
      details: { path: this.#path },
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.db.destroy();
    return this.#closed;
  }
}

interface Place {
  readonly device: number;
  readonly inode: number;
}

function placeOf(path: string): Place | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? { device: found.dev, inode: found.ino } : null;
}

function isBusy(error: unknown): boolean {
  return error instanceof SQLiteError && (error.errno & 0xff) === SQLITE_BUSY;
}

const SQLITE_BUSY = 5;

interface Explanation {
  readonly code: string;
  readonly says: string;
  readonly hint: string;
}

const damaged: Explanation = {
  code: 'store_unreadable',
  says: 'is damaged or not a database',
  hint: 'It was kept as it is. Restore a backup, or move it and its -wal and -shm files away to begin anew.',
};

const unavailable: Explanation = {
  code: 'store_unavailable',
  says: 'cannot be read or written',
  hint: 'Check that the disk works and that the file and its folder belong to the user Luma runs as.',
};

/** By SQLite's primary result code. */
const explanations: Readonly<Record<number, Explanation>> = {
  5: {
    code: 'store_busy',
    says: 'is locked by another process',
    hint: 'Another program holds the database: end it, or try again.',
  },
  8: unavailable, // READONLY
  10: unavailable, // IOERR
  11: damaged, // CORRUPT
  13: { code: 'store_full', says: 'cannot grow: the disk is full', hint: 'Free some space and try again.' },
  14: unavailable, // CANTOPEN
  23: unavailable, // AUTH
  26: damaged, // NOTADB
};

export function explainSqliteError(error: unknown, path: string): LumaError | null {
  if (!(error instanceof SQLiteError)) return null;
  const explanation = explanations[error.errno & 0xff];
  if (!explanation) return null;
  const { code, says, hint } = explanation;
  return new LumaError(code, `the database ${path} ${says} (${error.message})`, {
    hint,
    cause: error,
    details: { path },
  });
}
