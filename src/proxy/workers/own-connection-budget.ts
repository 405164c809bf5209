/** How many connections this process may open; its children may as many. */
import { readFileSync } from 'node:fs';
import { type ConnectionBudget, connectionBudget } from '../../edge/contract.ts';

export function ownConnectionBudget(): ConnectionBudget {
  return connectionBudget(openFilesMax());
}

/** RLIMIT_NOFILE, the soft one: it is the one that counts. */
function openFilesMax(): number {
  const text = readFileSync('/proc/self/limits', 'latin1');
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1] ?? '';
  return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft);
}
