/**
 * Visits every state that can be reached, breadth first, and checks each. A state is known by an exact key (no hash),
 * made of the numbers of its parts; workers are interchangeable while the daemon is not in the middle of a reading.
 */
import type { Move, World } from './world.ts';
import { Violation } from './world.ts';

export interface Exploration {
  readonly states: number;
  readonly moves: number;
  /** The first property that does not hold, and the moves that lead there. */
  readonly counterexample: { readonly property: string; readonly trace: readonly string[] } | null;
}

export interface ExploreOptions {
  readonly first: World;
  readonly moves: (world: World) => Iterable<Move>;
  /** Throws a Violation. `isAtRest`: nothing that must happen is left. */
  readonly check: (world: World, isAtRest: boolean) => void;
  readonly statesMax: number;
}

export function explore({ first, moves, check, statesMax }: ExploreOptions): Exploration {
  const keys = new KeyMaker();
  const known = new Map<string, number>([[keys.of(first), 0]]);
  const parents: number[] = [-1];
  const labels: string[] = ['the beginning'];
  /** Where the fair moves lead: pairs of state numbers. */
  const edges = new EdgeList();
  let frontier: [World, number][] = [[first, 0]];
  let moveCount = 0;
  const found = (property: string, from: number, last: string): Exploration => {
    const trace = [last];
    for (let at = from; at > 0; at = parents[at]!) trace.unshift(labels[at]!);
    return { states: known.size, moves: moveCount, counterexample: { property, trace } };
  };
  while (frontier.length > 0) {
    const next: [World, number][] = [];
    for (const [world, number] of frontier) {
      let isAtRest = true;
      let label = 'at rest';
      try {
        for (const move of moves(world)) {
          moveCount += 1;
          label = move.label;
          const key = keys.of(move.world);
          let target = known.get(key);
          if (target === undefined) {
            target = known.size;
            if (target >= statesMax) throw new Error(`more than ${statesMax} states: lower the bounds`);
            known.set(key, target);
            parents.push(number);
            labels.push(move.label);
            next.push([move.world, target]);
          }
          if (move.isFair) {
            isAtRest = false;
            edges.push(number, target);
          }
        }
        label = 'and nothing more happens';
        check(world, isAtRest);
      } catch (error) {
        if (error instanceof Violation) return found(error.message, number, label);
        const { counterexample } = found('', number, label);
        throw new Error(`after\n${counterexample?.trace.join('\n')}`, { cause: error });
      }
    }
    frontier = next;
  }
  const onCycle = edges.findCycle(known.size);
  if (onCycle !== null) return found('it can go on for ever without progress', onCycle, 'and round again');
  return { states: known.size, moves: moveCount, counterexample: null };
}

/** Parts are immutable and shared between states: each is written out once, and then known by its number. */
class KeyMaker {
  readonly #numbers = new Map<string, number>();
  readonly #known = new WeakMap<object, number>();

  of(world: World): string {
    const lanes = world.lanes.map((lane) => this.#number(lane));
    // Which column belongs to whom matters only to a reading under way and to a fold that is due.
    if (!world.daemon.reading && world.daemon.unfolded.length === 0) lanes.sort((a, b) => a - b);
    const rest = [
      world.gates,
      world.own,
      world.daemon,
      world.toDaemon,
      world.toControl,
      world.control,
      world.engine,
      world.budget,
    ];
    return String.fromCharCode(
      ...lanes.flatMap(digits),
      ...rest.flatMap((part) => digits(this.#number(part))),
    );
  }

  #number(part: object | null): number {
    if (part === null) return 0;
    const known = this.#known.get(part);
    if (known !== undefined) return known;
    const text = JSON.stringify(part);
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(text, number);
    }
    this.#known.set(part, number);
    return number;
  }
}

/** Two characters for each part: 2^30 different ones. */
function digits(number: number): [number, number] {
  return [number & 0x7fff, number >>> 15];
}

class EdgeList {
  #pairs = new Int32Array(1 << 16);
  #length = 0;

  push(from: number, to: number): void {
    if (this.#length + 2 > this.#pairs.length) {
      const larger = new Int32Array(this.#pairs.length * 2);
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#pairs[this.#length++] = from;
    this.#pairs[this.#length++] = to;
  }

  /** Takes away, again and again, what nothing leads to (Kahn); what is left over lies on or behind a cycle. */
  findCycle(count: number): number | null {
    const incoming = new Int32Array(count);
    const first = new Int32Array(count + 1);
    for (let at = 0; at < this.#length; at += 2) {
      incoming[this.#pairs[at + 1]!]! += 1;
      first[this.#pairs[at]! + 1]! += 1;
    }
    for (let at = 0; at < count; at++) first[at + 1]! += first[at]!;
    const targets = new Int32Array(this.#length / 2);
    const filled = first.slice(0, count);
    for (let at = 0; at < this.#length; at += 2) {
      const from = this.#pairs[at]!;
      targets[filled[from]!] = this.#pairs[at + 1]!;
      filled[from]! += 1;
    }
    const free: number[] = [];
    for (let at = 0; at < count; at++) if (incoming[at] === 0) free.push(at);
    let left = count;
    for (let at = free.pop(); at !== undefined; at = free.pop()) {
      left -= 1;
      for (let edge = first[at]!; edge < first[at + 1]!; edge++) {
        const target = targets[edge]!;
        incoming[target]! -= 1;
        if (incoming[target] === 0) free.push(target);
      }
    }
    return left === 0 ? null : incoming.findIndex((number) => number > 0);
  }
}
