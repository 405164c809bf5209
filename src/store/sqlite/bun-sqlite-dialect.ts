/**
 * kysely over `bun:sqlite`: one connection, lent to one user at a time in the order they asked.
 * Owns the database handle and its prepared statements.
 */
import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely';
import { STATEMENTS_MAX } from '../limits.ts';

export class BunSqliteDialect implements Dialect {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  createDriver(): Driver {
    return new BunSqliteDriver(this.#database);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new SqliteAdapter();
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

class BunSqliteDriver implements Driver {
  readonly #database: Database;
  readonly #connection: BunSqliteConnection;
  readonly #waiting: (() => void)[] = [];
  #isLent = false;

  constructor(database: Database) {
    this.#database = database;
    this.#connection = new BunSqliteConnection(database);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#isLent) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isLent = true;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift();
    // Handed over without a gap: a newcomer cannot slip in between.
    if (next) next();
    else this.#isLent = false;
  }

  async beginTransaction(_: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    // A write lock taken late can be refused without waiting (SQLITE_BUSY_SNAPSHOT): take it first.
    this.#database.run(settings.accessMode === 'read only' ? 'begin' : 'begin immediate');
  }

  async commitTransaction(): Promise<void> {
    this.#database.run('commit');
  }

  async rollbackTransaction(): Promise<void> {
    // SQLite rolls back by itself when the disk is full or fails; a second one would hide that error.
    if (this.#database.inTransaction) this.#database.run('rollback');
  }

  async destroy(): Promise<void> {
    this.#connection.finalize();
    this.#database.close(true);
  }
}

class BunSqliteConnection implements DatabaseConnection {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(database: Database) {
    this.#database = database;
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = this.#prepared(sql);
    const bindings = parameters as SQLQueryBindings[];
    switch (query.kind) {
      case 'InsertQueryNode':
      case 'UpdateQueryNode':
      case 'DeleteQueryNode':
        return { numAffectedRows: BigInt(statement.run(...bindings).changes), rows: [] };
      default:
        return { rows: statement.all(...bindings) as R[] };
    }
  }

  // biome-ignore lint/correctness/useYield: the contract wants a generator; results of this store are bounded.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('this dialect does not stream');
  }

  finalize(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
  }

  #prepared(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const [oldest] = this.#statements;
    if (oldest && this.#statements.size >= STATEMENTS_MAX) {
      oldest[1].finalize();
      this.#statements.delete(oldest[0]);
    }
    const made = this.#database.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}
