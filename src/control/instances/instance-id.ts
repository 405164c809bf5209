/** Instance ids are random, so that they are unique for ever, also after a store was lost. */
import { randomId } from '../../base/random-id.ts';

const ID_CHARS = 12;

export function newInstanceId(): string {
  return randomId(ID_CHARS);
}
