/** A process to be killed: changes the key again and again, and says on stdout when each change is done. */
import { writeSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { createSqliteStore } from '../index.ts';

const [path = ''] = process.argv.slice(2);
const store = await createSqliteStore({ path, clock: systemClock });
for (;;) {
  writeSync(1, 'begin\n');
  await store.rotateKey();
}
