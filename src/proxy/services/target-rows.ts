/** Rows of the board for targets that a service gets. Owns nothing: the rows are the allocator's. */
import type { RowAllocator } from '../../edge/board/index.ts';
import type { ServiceSpec } from '../client/contract.ts';
import type { RouteTable } from './route-table.ts';
import type { ServiceEntry, TargetEntry } from './service-entry.ts';

/** Of those that are new. All or none: a full board leaves everything as it was, without the row of a service that is new as well. */
export function takeTargetRows(
  { rows, table }: { readonly rows: RowAllocator; readonly table: RouteTable },
  entry: ServiceEntry,
  spec: ServiceSpec,
  isNewEntry: boolean,
): [string, TargetEntry][] {
  const added: [string, TargetEntry][] = [];
  try {
    for (const target of spec.targets) {
      if (entry.targets.has(target.id)) continue;
      added.push([target.id, { spec: target, row: rows.take(), generation: table.nextGeneration }]);
    }
    return added;
  } catch (error) {
    for (const [, { row }] of added) rows.retire(row, table.generation);
    if (isNewEntry) rows.retire(entry.row, table.generation);
    throw error;
  }
}
