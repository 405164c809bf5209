/** What differs between the databases; everything else of the store is the same code for all of them. */
import type { ColumnDataType, Kysely, RawBuilder, Transaction } from 'kysely';
import type { LumaError } from '../../base/errors.ts';
import type { Store } from '../contract.ts';
import type { Tables } from './tables.ts';

/**
 * `synced`: on the disk before it is acknowledged, safe from a power cut.
 * `relaxed`: safe from the death of the process, and ordered before every later synced write.
 */
export type Durability = 'synced' | 'relaxed';

export interface SqlEngine {
  readonly kind: Store['kind'];
  readonly db: Kysely<Tables>;
  /** A text column without a practical limit. */
  readonly longText: ColumnDataType | RawBuilder<unknown>;
  /** Runs the body as one transaction; the body uses nothing but the transaction it is given. */
  write<T>(durability: Durability, body: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** A consistent view over several reads. */
  read<T>(body: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** Leaves nothing in the file of what was replaced or deleted before. */
  scrub(): Promise<void>;
  isUniqueViolation(error: unknown): boolean;
  /** An expected failure of this database (locked, full, damaged), or null when it is a bug. */
  explain(error: unknown): LumaError | null;
  close(): Promise<void>;
}
