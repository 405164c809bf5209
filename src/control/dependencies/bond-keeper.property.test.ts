/** Several machines and the keeper of their bonds, with every outcome in any order: what crosses a sleep between its steps. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { DEFAULT_KEEPING, type Dependency, type KeepingSettings } from '../../domain/keeping.ts';
import type { ProjectEffect } from '../projects/project-effect.ts';
import type { ProjectInput } from '../projects/project-input.ts';
import { next } from '../projects/project-machine.ts';
import { initialState, newInstance, type ProjectState } from '../projects/project-state.ts';
import { BondKeeper, type BondSubject } from './bond-keeper.ts';

const on = (...names: string[]): Dependency[] => names.map((project) => ({ project, condition: 'ready' }));
const started = (project: string): Dependency => ({ project, condition: 'started' });

const keepings: Readonly<Record<string, KeepingSettings>> = {
  disk: DEFAULT_KEEPING,
  db: { ...DEFAULT_KEEPING, dependsOn: [started('disk')] },
  web: { ...DEFAULT_KEEPING, dependsOn: on('db'), group: 'shop' },
  jobs: { ...DEFAULT_KEEPING, dependsOn: on('disk'), group: 'shop' },
  blog: { ...DEFAULT_KEEPING, dependsOn: on('db') },
};
const names = Object.keys(keepings);

/** One project with its engine, its proxy and its store. */
class Subject implements BondSubject {
  readonly updatedAt = 0;
  readonly keeping: KeepingSettings;
  state: ProjectState;
  readonly pending: ProjectEffect[] = [];
  readonly armed = new Set<string>();
  isRunning = false;
  isAnswering = false;
  targets: readonly string[] = [];
  gate: 'open' | 'fenced' | 'signalled' = 'open';
  tokens = 0;
  ends = 0;
  held = 0;

  constructor(
    readonly name: string,
    readonly world: World,
  ) {
    this.keeping = keepings[name] ?? DEFAULT_KEEPING;
    this.state = initialState({
      ...{ wanted: 'active', sleepy: true, freezes: false, current: name, candidate: null, verifies: false },
      ...{ instances: [newInstance(name, 1)], lineup: [{ revision: 1, percent: 100 }], nextLineup: null },
      ...{ least: 0, most: 1, seed: 'x' },
    });
  }

  send(input: ProjectInput): void {
    const step = next(this.state, input);
    this.state = step.state;
    for (const effect of step.effects) this.#run(effect);
    this.world.keeper.onChange(this.name);
  }

  #run(effect: ProjectEffect): void {
    if (effect.kind === 'arm') this.armed.add(effect.timer);
    if (effect.kind === 'disarm') this.armed.delete(effect.timer);
    if (effect.kind === 'start') this.world.onStart(this);
    if (effect.kind === 'stop') this.world.onStop(this);
    const silent = ['arm', 'disarm', 'arm-deadline', 'disarm-deadline', 'record', 'tell', 'fail-wake'];
    if (!silent.includes(effect.kind)) this.pending.push(effect);
  }

  /** What is said to the proxy arrives in its order; all else in any. */
  settle(at: number): void {
    const isSaid = ({ kind }: ProjectEffect): boolean =>
      ['publish', 'fence', 'signal', 'lift'].includes(kind);
    const chosen = this.pending[at % Math.max(1, this.pending.length)];
    const effect = chosen && isSaid(chosen) ? this.pending.find(isSaid) : chosen;
    if (!effect) return;
    this.pending.splice(this.pending.indexOf(effect), 1);
    const input = this.#outcome(effect);
    if (input) this.send(input);
  }

  #outcome(effect: ProjectEffect): ProjectInput | null {
    switch (effect.kind) {
      case 'prepare':
        return { kind: 'prepared', id: effect.id };
      case 'start':
        this.isRunning = true;
        return { kind: 'started', id: effect.id };
      case 'stop':
        this.isRunning = false;
        this.isAnswering = false;
        return { kind: 'stopped', id: effect.id };
      case 'store-intent':
        return { kind: 'intent-stored', id: effect.id, intent: effect.intent };
      case 'publish': {
        const isSame = this.targets.join() === effect.publication.targets.join();
        this.targets = effect.publication.targets;
        if (this.targets.length > 0 && !(isSame && this.gate !== 'open')) this.gate = 'open';
        if (this.targets.length === 0) this.isAnswering = false;
        return { kind: 'published', publication: effect.publication };
      }
      case 'fence':
        if (effect.ends !== this.ends || this.held > 0) {
          return { kind: 'fence-refused', activity: { inFlight: 0, held: this.held, ends: this.ends } };
        }
        this.gate = 'fenced';
        this.tokens += 1;
        return { kind: 'fenced', token: `t${this.tokens}` };
      case 'signal':
        if (this.gate !== 'fenced' || effect.token !== `t${this.tokens}`) {
          return { kind: 'signal-stale', token: effect.token };
        }
        this.gate = 'signalled';
        return { kind: 'signal-accepted', token: effect.token };
      case 'lift':
        if (effect.token === `t${this.tokens}`) this.gate = 'open';
        this.serve();
        return null;
      case 'drain':
        return { kind: 'drained', id: effect.id };
      default:
        return null;
    }
  }

  request(): void {
    this.held += 1;
    if (this.gate === 'fenced') {
      this.gate = 'open';
      this.send({ kind: 'lifted', token: `t${this.tokens}` });
    }
    if (!this.serve()) this.send({ kind: 'wake', by: 'proxy' });
  }

  /** Whoever is held gets an answer where there is one. */
  serve(): boolean {
    if (this.gate !== 'open' || !this.isAnswering) return false;
    if (this.held > 0) {
      this.ends += this.held;
      this.held = 0;
      this.send({ kind: 'activity', activity: { inFlight: 0, held: 0, ends: this.ends } });
    }
    return true;
  }

  /** The edge reaches it. */
  answer(): void {
    if (!this.isRunning || !this.targets.includes(this.name) || this.gate !== 'open') return;
    this.isAnswering = true;
    this.send({ kind: 'answered', id: this.name });
    this.serve();
  }

  fire(timer: 'idle' | 'retry'): void {
    if (this.armed.delete(timer)) this.send({ kind: 'timer', timer });
  }
}

class World {
  readonly subjects = new Map<string, Subject>();
  readonly keeper: BondKeeper;

  constructor() {
    this.keeper = new BondKeeper({
      all: () => [...this.subjects.values()],
      get: (name) => this.subjects.get(name) ?? null,
      openUntil: () => null,
    });
    for (const name of names) this.subjects.set(name, new Subject(name, this));
    for (const name of names) this.of(name).send({ kind: 'begin' });
    for (const name of names) {
      this.of(name).send({ kind: 'linked', published: null, activity: null, answered: [], conflict: null });
    }
  }

  of(name: string): Subject {
    const subject = this.subjects.get(name);
    if (!subject) throw new Error(`no ${name}`);
    return subject;
  }

  /** Nothing begins before what it needs is there, and is going to stay. */
  onStart({ name, keeping }: Subject): void {
    for (const { project, condition } of keeping.dependsOn) {
      const other = this.of(project);
      const isThere =
        other.isRunning && (condition === 'started' || other.isAnswering) && other.gate !== 'signalled';
      if (!isThere) throw new Error(`${name} begins without ${project}`);
    }
  }

  /** Nothing ends that somebody needs. */
  onStop({ name }: Subject): void {
    for (const other of this.subjects.values()) {
      if (!other.keeping.dependsOn.some(({ project }) => project === name)) continue;
      const isUp = other.isRunning || other.pending.some(({ kind }) => kind === 'start');
      if (isUp) throw new Error(`${name} is stopped under ${other.name}`);
    }
  }

  /** Everything that is under way comes to its end. */
  settleAll(): void {
    for (let round = 0; round < 200; round++) {
      let isQuiet = true;
      for (const subject of this.subjects.values()) {
        if (subject.pending.length > 0) isQuiet = false;
        subject.settle(0);
        const hasStarted = subject.state.instances.some(
          ({ state, call }) => state === 'starting' && call === null,
        );
        if (hasStarted) subject.answer();
        if (subject.held > 0 && !subject.serve() && !subject.state.wake) {
          isQuiet = false;
          subject.send({
            kind: 'activity',
            activity: { inFlight: 0, held: subject.held, ends: subject.ends },
          });
        }
      }
      if (isQuiet) return;
    }
    throw new Error('it never ends');
  }
}

const name = fc.constantFrom(...names);
const act = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('settle' as const), name, at: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('answer' as const), name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('request' as const), name }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('idle' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('all' as const), name }) },
);

test('in any order of outcomes: what is needed is there first and stays, nobody is held for ever, and all sleep in the end', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 150 }), (acts) => {
      const world = new World();
      for (const each of acts) {
        const subject = world.of(each.name);
        if (each.do === 'settle') subject.settle(each.at);
        else if (each.do === 'answer') subject.answer();
        else if (each.do === 'request') subject.request();
        else if (each.do === 'idle') subject.fire('idle');
        else world.settleAll();
      }
      world.settleAll();
      expect([...world.subjects.values()].filter(({ held }) => held > 0).map((one) => one.name)).toEqual([]);
      for (let round = 0; round < 6; round++) {
        for (const subject of world.subjects.values()) subject.fire('idle');
        world.settleAll();
      }
      expect(
        [...world.subjects.values()].filter(({ isRunning }) => isRunning).map((one) => one.name),
      ).toEqual([]);
    }),
    { numRuns: 1_500, includeErrorInReport: true },
  );
}, 60_000);
