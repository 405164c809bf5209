/**
 * Visits every state that can be reached, breadth first, and checks each. A state is known by the numbers of its parts;
 * workers are interchangeable while the daemon is not in the middle of a reading.
 */
import type { KnownStates } from './known-states.ts';
import { ExactStates, HashedStates } from './known-states.ts';
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
  /** States are known by 64 bits of a hash: a tenth of the memory, and one chance in thousands of missing one. */
  readonly isHashed: boolean;
}

export function explore({ first, moves, check, statesMax, isHashed }: ExploreOptions): Exploration {
  const keys = new KeyMaker();
  const known: KnownStates = isHashed ? new HashedStates(statesMax) : new ExactStates();
  const history = new History();
  known.numberOf(keys.of(first));
  history.push(-1, 'the beginning');
  /** Where the fair moves lead: pairs of state numbers. */
  const edges = new EdgeList();
  let frontier: [World, number][] = [[first, 0]];
  let moveCount = 0;
  const found = (property: string, from: number, last: string): Exploration => {
    const trace = [...history.labelsTo(from), last];
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
          const before = known.size;
          const target = known.numberOf(keys.of(move.world));
          if (target === before) {
            if (target >= statesMax) throw new Error(`more than ${statesMax} states: lower the bounds`);
            history.push(number, move.label);
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

/** Two lanes and eight other parts of a world. */
export const PARTS = 10;

/** Parts are immutable and shared between states: each is written out once, and then known by its number. */
class KeyMaker {
  readonly #numbers = new Map<string, number>();
  readonly #known = new WeakMap<object, number>();
  readonly #key = new Int32Array(PARTS);

  /** Valid until the next call. */
  of(world: World): Int32Array {
    const { lanes, daemon, budget } = world;
    let at = 0;
    for (const lane of lanes) this.#key[at++] = this.#number(lane);
    // Which column belongs to whom matters only to a reading under way and to a fold that is due.
    if (!daemon.reading && daemon.unfolded.length === 0) this.#key.subarray(0, at).sort();
    this.#key[at++] = this.#number(world.gates);
    this.#key[at++] = this.#number(world.own);
    this.#key[at++] = this.#number(daemon);
    this.#key[at++] = this.#number(world.toDaemon);
    this.#key[at++] = this.#number(world.toControl);
    this.#key[at++] = this.#number(world.control);
    this.#key[at++] = this.#number(world.engine);
    this.#key[at++] = this.#number(budget);
    return this.#key;
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

/** How each state was first reached. */
class History {
  readonly #parents = new LongList();
  readonly #labels = new LongList();
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];

  push(parent: number, label: string): void {
    let number = this.#numbers.get(label);
    if (number === undefined) {
      number = this.#texts.push(label) - 1;
      this.#numbers.set(label, number);
    }
    this.#parents.push(parent);
    this.#labels.push(number);
  }

  labelsTo(state: number): string[] {
    const labels: string[] = [];
    for (let at = state; at > 0; at = this.#parents.at(at)) labels.unshift(this.#texts[this.#labels.at(at)]!);
    return labels;
  }
}

const CHUNK_BITS = 22;

/** Numbers in pieces: growing copies nothing. */
class LongList {
  readonly #chunks: Int32Array[] = [];
  length = 0;

  push(value: number): void {
    const chunk = this.length >>> CHUNK_BITS;
    if (chunk === this.#chunks.length) this.#chunks.push(new Int32Array(1 << CHUNK_BITS));
    this.#chunks[chunk]![this.length++ & ((1 << CHUNK_BITS) - 1)] = value;
  }

  at(index: number): number {
    return this.#chunks[index >>> CHUNK_BITS]![index & ((1 << CHUNK_BITS) - 1)]!;
  }
}

class EdgeList {
  readonly #froms = new LongList();
  readonly #targets = new LongList();

  push(from: number, to: number): void {
    this.#froms.push(from);
    this.#targets.push(to);
  }

  /** Takes away, again and again, what nothing leads to (Kahn); what is left over lies on or behind a cycle. */
  findCycle(count: number): number | null {
    const edgeCount = this.#froms.length;
    const incoming = new Int32Array(count);
    // States are visited in the order of their numbers, so the edges of one lie together.
    const first = new Int32Array(count + 1);
    for (let at = 0; at < edgeCount; at++) {
      incoming[this.#targets.at(at)]! += 1;
      first[this.#froms.at(at) + 1]! += 1;
    }
    for (let at = 0; at < count; at++) first[at + 1]! += first[at]!;
    const free = new LongList();
    for (let at = 0; at < count; at++) if (incoming[at] === 0) free.push(at);
    for (let done = 0; done < free.length; done++) {
      const state = free.at(done);
      for (let edge = first[state]!; edge < first[state + 1]!; edge++) {
        const target = this.#targets.at(edge);
        incoming[target]! -= 1;
        if (incoming[target] === 0) free.push(target);
      }
    }
    return free.length === count ? null : incoming.findIndex((number) => number > 0);
  }
}
