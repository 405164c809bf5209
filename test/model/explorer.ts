/**
 * Visits every state that can be reached, breadth first, and checks each. A state is a tuple of parts, known by their
 * numbers. A process sees and changes only the parts at its places, so what it can do is worked out once for each
 * content of those, however many states share it.
 */
import { LongList, PartTable, TupleTable } from './number-tables.ts';
import { Violation } from './world.ts';

export interface Step {
  readonly label: string;
  /** It happens sooner or later; the others may never happen. */
  readonly isFair: boolean;
  /** What is at the process's places afterwards. */
  readonly parts: readonly unknown[];
}

export interface ProcessKind {
  readonly width: number;
  /** What it can do is worked out once for all states that look the same to it: worth the room if those are many. */
  readonly isRemembered: boolean;
  /** Throws a Violation. */
  readonly steps: (parts: readonly unknown[]) => Iterable<Step>;
  /** What the others do next does not matter before it has moved, nor does it to them (an ample set). */
  readonly isAlone?: (parts: readonly unknown[]) => boolean;
}

export interface Process {
  readonly kind: ProcessKind;
  readonly places: readonly number[];
}

export interface System {
  /** The sort of part at each place. */
  readonly sorts: readonly string[];
  readonly first: readonly unknown[];
  readonly processes: readonly Process[];
  /** One state for all that are the same but for what nobody can tell apart; asked where a part is not `plain`. */
  readonly represent: (parts: readonly unknown[]) => readonly unknown[];
  readonly isPlain: (sort: string, part: unknown) => boolean;
  /** Places whose parts may be exchanged with each other: the first ones. */
  readonly twins: number;
  /** Throws a Violation where nothing that must happen is left and something is still wanting. */
  readonly checkAtRest: (parts: readonly unknown[]) => void;
}

export interface Exploration {
  readonly states: number;
  readonly moves: number;
  /** The first property that does not hold, and the moves that lead there. */
  readonly counterexample: { readonly property: string; readonly trace: readonly string[] } | null;
}

export interface ExploreOptions {
  readonly statesMax: number;
  readonly onState?: (parts: readonly unknown[], isAtRest: boolean) => void;
}

export function explore(system: System, options: ExploreOptions): Exploration {
  return new Search(system, options).run();
}

class Search {
  readonly #system: System;
  readonly #options: ExploreOptions;
  readonly #tables: readonly PartTable[];
  readonly #states: TupleTable;
  readonly #history = new History();
  /** Where the fair moves lead. */
  readonly #edges = new EdgeList();
  readonly #memories = new Map<ProcessKind, StepMemory>();
  readonly #key: Int32Array;
  readonly #next: Int32Array;
  #moves = 0;
  #isAtRest = true;

  constructor(system: System, options: ExploreOptions) {
    this.#system = system;
    this.#options = options;
    const isPlainOf = (sort: string) => (part: unknown) => system.isPlain(sort, part);
    const tables = new Map(system.sorts.map((sort) => [sort, new PartTable(isPlainOf(sort))]));
    this.#tables = system.sorts.map((sort) => tables.get(sort)!);
    this.#states = new TupleTable(system.sorts.length);
    this.#key = new Int32Array(system.sorts.length);
    this.#next = new Int32Array(system.sorts.length);
    for (const { kind, places } of system.processes) {
      if (this.#memories.has(kind)) continue;
      const memory = new StepMemory(
        kind,
        places.map((place) => this.#tables[place]!),
        this.#history,
      );
      this.#memories.set(kind, memory);
    }
  }

  run(): Exploration {
    for (const [place, part] of this.#system.first.entries())
      this.#next[place] = this.#tables[place]!.numberOf(part);
    this.#history.push(-1, this.#history.labelNumber('the beginning'));
    this.#states.numberOf(this.#represented());
    for (let number = 0; number < this.#states.size; number++) {
      const property = this.#expand(number);
      if (property !== null) return this.#found(property.text, number, property.last);
    }
    const onCycle = this.#edges.findCycle(this.#states.size);
    if (onCycle !== null)
      return this.#found('it can go on for ever without progress', onCycle, 'and round again');
    return { states: this.#states.size, moves: this.#moves, counterexample: null };
  }

  #expand(number: number): { readonly text: string; readonly last: string } | null {
    this.#states.read(number, this.#key);
    this.#edges.begin();
    this.#isAtRest = true;
    try {
      for (const [at, process] of this.#system.processes.entries()) {
        if (this.#isSameAsBefore(at)) continue;
        if (this.#take(number, process)) break;
      }
      const { checkAtRest } = this.#system;
      if (this.#isAtRest || this.#options.onState) {
        const parts = Array.from(this.#key, (part, place) => this.#tables[place]!.part(part));
        if (this.#isAtRest) checkAtRest(parts);
        this.#options.onState?.(parts, this.#isAtRest);
      }
      return null;
    } catch (error) {
      const last = this.#isAtRest ? 'and nothing more happens' : 'and then';
      if (error instanceof Violation) return { text: error.message, last };
      throw new Error(`after\n${this.#history.labelsTo(number).join('\n')}`, { cause: error });
    }
  }

  /** Two that are in the same situation can do the same. */
  #isSameAsBefore(at: number): boolean {
    const { processes } = this.#system;
    const { kind, places } = processes[at]!;
    const before = processes[at - 1];
    return (
      before?.kind === kind && places.every((place, i) => this.#key[place] === this.#key[before.places[i]!])
    );
  }

  /** Whether the others need not be looked at. */
  #take(number: number, { kind, places }: Process): boolean {
    const { known, begin } = this.#memories.get(kind)!.of(this.#key, places);
    const count = known.at(begin) >>> 1;
    for (let step = 0, at = begin + 1; step < count; step++, at += places.length + 1) {
      this.#moves += 1;
      this.#next.set(this.#key);
      for (let i = 0; i < places.length; i++) this.#next[places[i]!] = known.at(at + 1 + i);
      const label = known.at(at);
      const before = this.#states.size;
      const target = this.#states.numberOf(this.#represented());
      if (target === before) {
        const { statesMax } = this.#options;
        if (target >= statesMax) throw new Error(`more than ${statesMax} states: lower the bounds`);
        this.#history.push(number, label >>> 1);
      }
      if ((label & 1) === 0) continue;
      this.#isAtRest = false;
      this.#edges.push(target);
    }
    return (known.at(begin) & 1) === 1;
  }

  /** The state in `#next`, or the one that stands for it. */
  #represented(): Int32Array {
    const next = this.#next;
    let isPlain = true;
    for (let place = 0; place < next.length; place++)
      isPlain = isPlain && this.#tables[place]!.isPlain(next[place]!);
    if (!isPlain) this.#exchange();
    for (let at = 1; at < this.#system.twins; at++) {
      for (let to = at; to > 0 && next[to - 1]! > next[to]!; to--) {
        const lower = next[to]!;
        next[to] = next[to - 1]!;
        next[to - 1] = lower;
      }
    }
    return next;
  }

  #exchange(): void {
    const parts = Array.from(this.#next, (part, place) => this.#tables[place]!.part(part));
    for (const [place, part] of this.#system.represent(parts).entries())
      if (part !== parts[place]) this.#next[place] = this.#tables[place]!.numberOf(part);
  }

  #found(property: string, from: number, last: string): Exploration {
    const trace = [...this.#history.labelsTo(from), last];
    return { states: this.#states.size, moves: this.#moves, counterexample: { property, trace } };
  }
}

/**
 * What one kind of process can do, by the parts that it sees, in one list of numbers: how many steps there are, twice, and one more
 * if it moves alone; of each step its label, twice, and one more if it is fair; then the part at each place.
 */
class StepMemory {
  readonly #kind: ProcessKind;
  readonly #tables: readonly PartTable[];
  readonly #history: History;
  readonly #situations: TupleTable;
  /** Of each situation: where its steps begin. */
  readonly #begins = new LongList();
  readonly #known = new LongList();
  readonly #seen: Int32Array;

  constructor(kind: ProcessKind, tables: readonly PartTable[], history: History) {
    this.#kind = kind;
    this.#tables = tables;
    this.#history = history;
    this.#situations = new TupleTable(kind.width);
    this.#seen = new Int32Array(kind.width);
  }

  of(key: Int32Array, places: readonly number[]): { readonly known: LongList; readonly begin: number } {
    for (let at = 0; at < places.length; at++) this.#seen[at] = key[places[at]!]!;
    if (!this.#kind.isRemembered) {
      this.#begins.clear();
      this.#known.clear();
      this.#workOut();
      return { known: this.#known, begin: 0 };
    }
    const situation = this.#situations.numberOf(this.#seen);
    if (situation === this.#begins.length) this.#workOut();
    return { known: this.#known, begin: this.#begins.at(situation) };
  }

  #workOut(): void {
    const parts = Array.from(this.#seen, (number, at) => this.#tables[at]!.part(number));
    const steps = [...this.#kind.steps(parts)];
    this.#begins.push(this.#known.length);
    this.#known.push(steps.length * 2 + (this.#kind.isAlone?.(parts) ? 1 : 0));
    for (const { label, isFair, parts: after } of steps) {
      this.#known.push(this.#history.labelNumber(label) * 2 + (isFair ? 1 : 0));
      for (let at = 0; at < after.length; at++) {
        const isSame = after[at] === parts[at];
        this.#known.push(isSame ? this.#seen[at]! : this.#tables[at]!.numberOf(after[at]));
      }
    }
  }
}

/** How each state was first reached. */
class History {
  readonly #parents = new LongList();
  readonly #labels = new LongList();
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];

  labelNumber(label: string): number {
    const known = this.#numbers.get(label);
    if (known !== undefined) return known;
    this.#numbers.set(label, this.#texts.length);
    return this.#texts.push(label) - 1;
  }

  push(parent: number, label: number): void {
    this.#parents.push(parent);
    this.#labels.push(label);
  }

  labelsTo(state: number): string[] {
    const labels: string[] = [];
    for (let at = state; at > 0; at = this.#parents.at(at)) labels.unshift(this.#texts[this.#labels.at(at)]!);
    return labels;
  }
}

/** The states are visited in the order of their numbers, so the edges of one lie together. */
class EdgeList {
  readonly #firsts = new LongList();
  readonly #targets = new LongList();

  /** From here on the edges are those of the next state. */
  begin(): void {
    this.#firsts.push(this.#targets.length);
  }

  push(target: number): void {
    this.#targets.push(target);
  }

  /** Takes away, again and again, what nothing leads to (Kahn); what is left over lies on or behind a cycle. */
  findCycle(count: number): number | null {
    this.begin();
    const incoming = new Int32Array(count);
    for (let at = 0; at < this.#targets.length; at++) incoming[this.#targets.at(at)]! += 1;
    const free = new LongList();
    for (let at = 0; at < count; at++) if (incoming[at] === 0) free.push(at);
    for (let done = 0; done < free.length; done++) {
      const state = free.at(done);
      for (let edge = this.#firsts.at(state); edge < this.#firsts.at(state + 1); edge++) {
        const target = this.#targets.at(edge);
        incoming[target]! -= 1;
        if (incoming[target] === 0) free.push(target);
      }
    }
    return free.length === count ? null : incoming.findIndex((number) => number > 0);
  }
}
