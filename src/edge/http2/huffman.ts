/** Huffman-coded strings of HPACK (RFC 7541 §5.2), four bits at a step by a table that is made once. No state. */
import { assert } from '../../base/errors.ts';
import { HUFFMAN_LENGTHS } from './hpack-tables.ts';

const END_OF_STRING = 256;
const BITS_MAX = 30;
const NIBBLES = 16;
/** Of a step: the next state, whether a byte came out, which one, and whether the string may end here. */
const STATE_MASK = 0xff;
const EMITS = 0x100;
const MAY_END = 0x200;
const FAILS = 0x400;
const SYMBOL_SHIFT = 16;
/** RFC 7541 §5.2: padding is shorter than a byte. */
const PADDING_BITS_MAX = 7;

type Node = { zero: Node | number; one: Node | number; readonly id: number; readonly isPadding: boolean };

const STEPS = makeSteps();

/** Bytes written to `output` from its beginning; -1: the string is malformed. `output` has room for 8/5 of the input. */
export function decodeHuffman(input: Uint8Array, from: number, to: number, output: Uint8Array): number {
  let state = 0;
  let length = 0;
  let step = MAY_END;
  for (let at = from; at < to; at++) {
    const byte = input[at]!;
    step = STEPS[state * NIBBLES + (byte >> 4)]!;
    if ((step & EMITS) !== 0) output[length++] = step >> SYMBOL_SHIFT;
    if ((step & FAILS) !== 0) return -1;
    state = step & STATE_MASK;
    step = STEPS[state * NIBBLES + (byte & 15)]!;
    if ((step & EMITS) !== 0) output[length++] = step >> SYMBOL_SHIFT;
    if ((step & FAILS) !== 0) return -1;
    state = step & STATE_MASK;
  }
  return (step & MAY_END) === 0 ? -1 : length;
}

function makeSteps(): Int32Array {
  const nodes = makeTree();
  const steps = new Int32Array(nodes.length * NIBBLES);
  for (const node of nodes) {
    for (let nibble = 0; nibble < NIBBLES; nibble++)
      steps[node.id * NIBBLES + nibble] = stepFrom(node, nibble, nodes);
  }
  return steps;
}

function stepFrom(from: Node, nibble: number, nodes: readonly Node[]): number {
  let node = from;
  let emitted = 0;
  for (let bit = 8; bit > 0; bit >>= 1) {
    const next = (nibble & bit) === 0 ? node.zero : node.one;
    if (typeof next !== 'number') {
      node = next;
      continue;
    }
    if (next === END_OF_STRING) return FAILS;
    emitted = EMITS | (next << SYMBOL_SHIFT);
    node = nodes[0]!;
  }
  return emitted | node.id | (node.isPadding ? MAY_END : 0);
}

/** Codes in the order of their lengths, and of symbols within a length, are consecutive. */
function makeTree(): readonly Node[] {
  const nodes: Node[] = [];
  const newNode = (isPadding: boolean): Node => {
    const node = { zero: -1, one: -1, id: nodes.length, isPadding };
    nodes.push(node);
    return node;
  };
  const root = newNode(true);
  let code = 0;
  for (let length = 1; length <= BITS_MAX; length++) {
    code *= 2;
    for (let symbol = 0; symbol < HUFFMAN_LENGTHS.length; symbol++) {
      if (HUFFMAN_LENGTHS[symbol] === length) insert(root, code++, length, symbol, newNode);
    }
  }
  assert(nodes.length === END_OF_STRING, 'a complete code of n symbols has n - 1 inner nodes');
  return nodes;
}

function insert(
  root: Node,
  code: number,
  length: number,
  symbol: number,
  newNode: (isPadding: boolean) => Node,
): void {
  let node = root;
  for (let depth = 1; depth <= length; depth++) {
    const side = Math.floor(code / 2 ** (length - depth)) % 2 === 0 ? 'zero' : 'one';
    if (depth === length) {
      node[side] = symbol;
      return;
    }
    const next = node[side];
    if (typeof next === 'number') {
      // Ones from the beginning of a byte on, and fewer than eight: that is what padding looks like.
      const isPadding = node.isPadding && side === 'one' && depth <= PADDING_BITS_MAX;
      const made = newNode(isPadding);
      node[side] = made;
      node = made;
    } else node = next;
  }
}
