/**
 * A real process at a real board, for board.test.ts: enters, holds and ends as fast as it can on row 0 until row 2 opens,
 * and prints how many exchanges it ended. Row 1 is touched only by those who have passed row 0.
 */
import { Board } from './index.ts';

const [path, columnText] = process.argv.slice(2);
const board = Board.open(path!);
const column = board.column(Number(columnText));
let ended = 0;
let heldCount = 0;
while (board.gate(2) === 0) {
  let answer = column.enter(0, 1);
  if (answer === 'held') heldCount += 1;
  while (answer === 'held') answer = column.again(0, 1);
  column.enter(1, 1);
  column.end(1, ended);
  column.end(0, ended);
  ended += 1;
}
console.log(JSON.stringify({ ended, heldCount }));
