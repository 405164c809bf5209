/** SQLite's own ways: what is synced when, and what its error codes mean to a person. */
import { type Database, SQLiteError } from 'bun:sqlite';
import { Kysely, sql, type Transaction } from 'kysely';
import { LumaError } from '../../base/errors.ts';
import type { Durability, SqlEngine } from '../sql/sql-engine.ts';
import type { Tables } from '../sql/tables.ts';
import { BunSqliteDialect } from './bun-sqlite-dialect.ts';

export class SqliteEngine implements SqlEngine {
  readonly kind = 'sqlite';
  readonly longText = 'text';
  readonly db: Kysely<Tables>;
  readonly #path: string;
  #closed: Promise<void> | undefined;

  constructor(database: Database, path: string) {
    this.db = new Kysely<Tables>({ dialect: new BunSqliteDialect(database) });
    this.#path = path;
  }

  write<T>(durability: Durability, body: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.db.connection().execute(async (connection) => {
      // FULL syncs the WAL at each commit, and with it every relaxed commit before. Not allowed inside a transaction.
      await sql
        .raw(`pragma synchronous = ${durability === 'synced' ? 'full' : 'normal'}`)
        .execute(connection);
      return connection.transaction().execute(body);
    });
  }

  read<T>(body: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.db.transaction().setAccessMode('read only').execute(body);
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

  close(): Promise<void> {
    this.#closed ??= this.db.destroy();
    return this.#closed;
  }
}

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
