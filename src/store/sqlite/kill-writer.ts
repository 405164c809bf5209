/** A process to be killed: goes through the script from a step on and says on stdout what is done. */
import { writeSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { createSqliteStore } from '../index.ts';
import { runStep } from './kill-script.ts';

const [path = '', firstStep = '0'] = process.argv.slice(2);
const store = await createSqliteStore({ path, clock: systemClock });
for (let step = Number(firstStep); ; step++) {
  await runStep(store, step);
  writeSync(1, `${step}\n`);
}
