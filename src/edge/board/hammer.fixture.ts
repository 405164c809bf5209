/**
 * A real process at a real board, for board.test.ts: `worker` enters, ends and holds as fast as it can; it prints how
 * many exchanges it ended. The word under test: while the fence flag is up and the board was read as quiet, nobody passes.
 */
import { Board } from './index.ts';

/** Rows: the service under fence, and a blackboard on which workers tell that they are inside. */
const [path, columnText, roundsText] = process.argv.slice(2);
const board = Board.open(path!);
const column = board.column(Number(columnText));
const rounds = Number(roundsText);
let ended = 0;
let heldOnce = 0;
for (let round = 0; round < rounds; round++) {
  let answer = column.enter(0, 1);
  if (answer === 'held') heldOnce += 1;
  while (answer === 'held') answer = column.again(0, 1);
  column.enter(1, 1);
  column.end(1, round);
  column.end(0, round);
  ended += 1;
}
console.log(JSON.stringify({ ended, heldOnce }));
