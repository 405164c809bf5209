import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { StartFailure } from '../../domain/project-status.ts';
import type { Dependencies } from '../dependencies/bonds.ts';
import type { ProjectEffect } from './project-effect.ts';
import type { ProjectInput } from './project-input.ts';
import { next } from './project-machine.ts';
import { initialState, newInstance, type ProjectState, type Publication } from './project-state.ts';

/** Plays the engine, the proxy and the store around one machine, and watches what must never happen. */
class World {
  state: ProjectState;
  /** Effects whose outcome is still out. */
  readonly pending: ProjectEffect[] = [];
  readonly running = new Map<string, number>();
  readonly calls = new Map<string, string>();
  routed: Publication | null = null;
  /** Targets that have answered since they were published. */
  ready = new Set<string>();
  isLinked = false;
  gate: 'open' | 'fenced' | 'signalled' = 'open';
  token = 0;
  ends = 0;
  wakesOpen = 0;
  wakesEnded = 0;
  stepCount = 0;
  /** Sent exchanges, perhaps, since it was started or last drained. */
  readonly exposed = new Set<string>();
  /** Found unhealthy: what runs on it is cut. */
  readonly condemned = new Set<string>();
  readonly armed = new Set<string>();
  revision = 1;

  constructor(readonly most: number) {
    this.state = initialState({
      wanted: 'active',
      sleepy: true,
      freezes: true,
      current: 'i1',
      candidate: null,
      instances: [newInstance('i1', 1)],
      lineup: [{ revision: 1, percent: 100 }],
      nextLineup: null,
      verifies: false,
      least: 0,
      most: this.most,
      seed: 'x',
    });
    this.send({ kind: 'begin' });
  }

  send(input: ProjectInput): void {
    const step = next(this.state, input);
    this.state = step.state;
    for (const effect of step.effects) this.run(effect);
  }

  run(effect: ProjectEffect): void {
    switch (effect.kind) {
      case 'arm':
        this.armed.add(effect.timer);
        return;
      case 'disarm':
        this.armed.delete(effect.timer);
        return;
      case 'arm-deadline':
        this.armed.add(`deadline ${effect.id}`);
        return;
      case 'disarm-deadline':
        this.armed.delete(`deadline ${effect.id}`);
        return;
      case 'lift':
        if (this.gate !== 'open' && effect.token === `t${this.token}`) this.gate = 'open';
        return;
      case 'tell':
        return;
      case 'record':
      case 'abort-prepare':
      case 'abort-start':
      case 'fail-wake':
        return;
      case 'prepare':
      case 'start':
      case 'thaw':
      case 'freeze':
      case 'stop':
      case 'remove':
        this.begin(effect.kind, effect.id);
        this.pending.push(effect);
        return;
      case 'drain':
        this.pending.push(effect);
        return;
      default:
        this.pending.push(effect);
    }
  }

  /** One engine call at a time for one instance, and none that cuts an exchange. */
  begin(kind: string, id: string): void {
    expect(this.calls.get(id)).toBeUndefined();
    this.calls.set(id, kind);
    const entry = this.state.instances.find((other) => other.id === id);
    if (kind === 'start') {
      const others = [...this.running].filter(([other, revision]) => {
        const one = this.state.instances.find((each) => each.id === other);
        const isLeaving =
          one?.halt?.reason === 'retire' || one?.halt?.reason === 'surplus' || one?.state === 'stopping';
        return other !== id && revision === entry?.revision && !isLeaving;
      });
      expect(others.length).toBeLessThan(this.most);
    }
    if ((kind !== 'stop' && kind !== 'freeze') || !entry?.located) return;
    const isSafe =
      this.gate === 'signalled' ||
      !this.exposed.has(id) ||
      this.condemned.has(id) ||
      (this.state.closing && !this.isLinked) ||
      !this.running.has(id);
    if (!isSafe) throw new Error(`stop of ${id} while exchanges may run: ${JSON.stringify(this.state)}`);
    const isRouted = this.isLinked && this.routed?.targets.includes(id);
    expect(isRouted ?? false).toBe(false);
  }

  /** The store cannot take the record of what is to be made. */
  delayPrepare(at: number): void {
    const prepares = this.pending.filter(({ kind }) => kind === 'prepare');
    const chosen = prepares[at % Math.max(1, prepares.length)];
    if (chosen?.kind === 'prepare') this.send({ kind: 'prepare-delayed', id: chosen.id });
  }

  /** Ends the pending effect number `at` well or badly. */
  settle(at: number, isGood: boolean): void {
    const chosen = this.pending[at % this.pending.length];
    // What is said to the proxy arrives in its order.
    const first = chosen && isSaid(chosen) ? this.pending.find(isSaid) : chosen;
    const effect = first && this.pending.splice(this.pending.indexOf(first), 1)[0];
    if (!effect) return;
    if (isEngineCall(effect)) this.calls.delete(effect.id);
    const input = this.outcome(effect, isGood);
    if (input) this.send(input);
  }

  outcome(effect: ProjectEffect, isGood: boolean): ProjectInput | null {
    switch (effect.kind) {
      case 'prepare':
        return isGood
          ? { kind: 'prepared', id: effect.id }
          : { kind: 'prepare-failed', id: effect.id, failure: failureOf('image_not_found') };
      case 'start':
      case 'thaw':
        if (!isGood) return { kind: 'start-failed', id: effect.id, failure: failureOf('runtime_failed') };
        this.running.set(effect.id, this.revisionOf(effect.id));
        return { kind: 'started', id: effect.id };
      case 'freeze':
        if (!isGood) return { kind: 'freeze-failed', id: effect.id };
        this.exposed.delete(effect.id);
        return { kind: 'frozen', id: effect.id };
      case 'stop':
        if (!isGood) return { kind: 'stop-failed', id: effect.id, failure: failureOf('runtime_unavailable') };
        this.running.delete(effect.id);
        this.exposed.delete(effect.id);
        this.condemned.delete(effect.id);
        return { kind: 'stopped', id: effect.id };
      case 'remove':
        return isGood ? { kind: 'removed', id: effect.id } : { kind: 'remove-failed', id: effect.id };
      case 'store-intent':
        return isGood
          ? { kind: 'intent-stored', id: effect.id, intent: effect.intent }
          : { kind: 'intent-failed', id: effect.id };
      case 'publish':
        if (!this.isLinked || !isGood) return { kind: 'publish-failed', conflict: null };
        this.route(effect.publication);
        return { kind: 'published', publication: effect.publication };
      case 'drain':
        if (!this.isLinked || !isGood) return { kind: 'drain-failed', id: effect.id };
        this.exposed.delete(effect.id);
        return { kind: 'drained', id: effect.id };
      case 'fence':
        if (!this.isLinked) return { kind: 'fence-failed' };
        if (!isGood || effect.ends !== this.ends) {
          return { kind: 'fence-refused', activity: { inFlight: 0, held: 0, ends: this.ends } };
        }
        this.gate = 'fenced';
        this.token += 1;
        return { kind: 'fenced', token: `t${this.token}` };
      case 'signal': {
        if (!this.isLinked) return { kind: 'signal-failed', token: effect.token };
        if (this.gate !== 'fenced' || effect.token !== `t${this.token}`) {
          return { kind: 'signal-stale', token: effect.token };
        }
        this.gate = 'signalled';
        return { kind: 'signal-accepted', token: effect.token };
      }
      default:
        return null;
    }
  }

  route(publication: Publication): void {
    this.ready = new Set(publication.targets.filter((id) => this.ready.has(id)));
    const before = this.routed?.targets ?? [];
    this.routed = publication;
    for (const id of publication.targets) if (this.running.has(id)) this.exposed.add(id);
    const isSame =
      before.length === publication.targets.length && before.every((id) => publication.targets.includes(id));
    // A fence outlives a change of hostnames, but not one of targets.
    if (publication.targets.length > 0 && !(isSame && this.gate !== 'open')) this.gate = 'open';
  }

  revisionOf(id: string): number {
    return this.state.instances.find((entry) => entry.id === id)?.revision ?? 0;
  }

  link(): void {
    if (this.isLinked) return;
    this.isLinked = true;
    this.gate = 'open';
    this.send({
      kind: 'linked',
      published: this.routed,
      activity: null,
      answered: [...this.ready],
      conflict: null,
    });
  }

  unlink(): void {
    if (!this.isLinked) return;
    this.isLinked = false;
    if (this.gate === 'fenced') this.gate = 'open';
    this.send({ kind: 'unlinked' });
    // Calls break with the link; whether the proxy heard them is not known.
    const isLinkCall = (effect: ProjectEffect): boolean =>
      ['publish', 'drain', 'fence', 'signal'].includes(effect.kind);
    for (const effect of this.pending.filter(isLinkCall)) {
      this.pending.splice(this.pending.indexOf(effect), 1);
      this.stepCount += 1;
      if (effect.kind === 'publish' && this.stepCount % 2 === 0) this.route(effect.publication);
      const input = this.outcome(effect, false);
      if (input) this.send(input);
    }
  }

  /** A request arrives at the proxy. */
  request(): void {
    if (this.gate === 'fenced') {
      this.gate = 'open';
      this.send({ kind: 'lifted', token: `t${this.token}` });
    }
    this.ends += 1;
    if (this.isLinked) this.send({ kind: 'wake', by: 'proxy' });
  }

  answer(): void {
    for (const id of this.routed?.targets ?? []) {
      if (!this.isLinked || !this.running.has(id) || this.ready.has(id)) continue;
      this.ready.add(id);
      this.send({ kind: 'answered', id });
    }
  }

  crash(at: number): void {
    const ids = [...this.running.keys()];
    const id = ids[at % Math.max(1, ids.length)];
    if (id === undefined || this.calls.has(id)) return;
    this.running.delete(id);
    this.exposed.delete(id);
    this.send({ kind: 'exited', id, failure: failureOf('instance_exited') });
  }

  judge(at: number, kind: 'unready' | 'ready' | 'unhealthy'): void {
    const ids = [...this.running.keys()];
    const id = ids[at % Math.max(1, ids.length)];
    if (id === undefined) return;
    this.send(kind === 'ready' ? { kind, id } : { kind, id, failure: failureOf('liveness_failed') });
    const entry = this.state.instances.find((other) => other.id === id);
    if (kind === 'unhealthy' && entry?.halt?.reason === 'failed') this.condemned.add(id);
  }

  fire(at: number): void {
    const timer = [...this.armed][at % Math.max(1, this.armed.size)];
    if (timer === undefined) return;
    this.armed.delete(timer);
    if (timer?.startsWith('deadline ')) {
      this.send({ kind: 'deadline', id: timer.slice(9), failure: failureOf('port_never_opened') });
    } else {
      this.send({ kind: 'timer', timer: timer as 'idle' });
    }
  }

  deploy(): void {
    this.revision += 1;
    // Every third time back to an earlier one.
    const revision = this.revision % 3 === 0 ? this.revision - 2 : this.revision;
    const verifies = this.revision % 2 === 0;
    const lineup = [{ revision, percent: 100 }];
    this.send({ kind: 'revised', revision, instanceId: `i${this.revision}`, lineup, verifies });
  }

  /** Some of the requests are another revision's from now on. */
  split(at: number): void {
    const leading = this.state.lineup[0]?.revision ?? 1;
    const other = 1 + (at % this.revision);
    if (other === leading) return;
    const lineup = [
      { revision: leading, percent: 60 },
      { revision: other, percent: 40 },
    ];
    this.send({
      kind: 'revised',
      revision: leading,
      instanceId: `s${this.stepCount++}`,
      lineup,
      verifies: true,
    });
  }

  /** Those it depends on come and go. */
  depend(at: number): void {
    const kinds: Dependencies[] = [
      { kind: 'met' },
      { kind: 'waiting', for: ['db'] },
      { kind: 'failed', failure: failureOf('dependency_failed') },
    ];
    this.send({ kind: 'dependencies', dependencies: kinds[at % kinds.length] ?? { kind: 'met' } });
  }

  /** Everybody answers, well, until nothing is left to do. */
  calm(): void {
    this.link();
    this.send({ kind: 'dependencies', dependencies: { kind: 'met' } });
    for (let round = 0; round < 200; round++) {
      while (this.pending.length > 0) this.settle(0, true);
      if (this.armed.delete('retry')) this.send({ kind: 'timer', timer: 'retry' });
      // Crashed again and again: who waits is kept waiting for a while.
      if (this.state.cooling && this.armed.delete('backoff')) this.send({ kind: 'timer', timer: 'backoff' });
      this.answer();
      if (this.pending.length === 0 && !this.armed.has('retry')) return;
    }
    throw new Error(`no rest: ${JSON.stringify(this.state)} pending ${JSON.stringify(this.pending)}`);
  }
}

function isSaid({ kind }: ProjectEffect): boolean {
  return kind === 'publish' || kind === 'fence' || kind === 'signal';
}

type EngineCall = Extract<
  ProjectEffect,
  { kind: 'prepare' | 'start' | 'thaw' | 'freeze' | 'stop' | 'remove' }
>;

function isEngineCall(effect: ProjectEffect): effect is EngineCall {
  return ['prepare', 'start', 'thaw', 'freeze', 'stop', 'remove'].includes(effect.kind);
}

function failureOf(code: string): StartFailure {
  return { code, message: code, logLines: [], at: 0 };
}

const move = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('settle'), at: fc.nat(5), isGood: fc.boolean() }) },
  {
    weight: 24,
    arbitrary: fc.record({ do: fc.constant('settle'), at: fc.nat(5), isGood: fc.constant(true) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('fire'), at: fc.nat(5) }) },
  ...[
    'link',
    'unlink',
    'crash',
    'deploy',
    'delay',
    'delay',
    'stop',
    'start',
    'person-wake',
    'person-sleep',
    'found',
    'routes',
    'scale',
    'scale',
    'split',
    'keep',
    'depend',
    'late',
    'quiet-said',
    'unready',
    'unready',
    'ready',
    'unhealthy',
  ].map((name) => ({ weight: 1, arbitrary: fc.record({ do: fc.constant(name), at: fc.nat(5) }) })),
  { weight: 6, arbitrary: fc.record({ do: fc.constant('request') }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('answer') }) },
);

type Move = { do: string; at?: number; isGood?: boolean };

function apply(world: World, { do: what, at = 0, isGood = true }: Move): void {
  switch (what) {
    case 'settle':
      if (world.pending.length > 0) world.settle(at, isGood);
      return;
    case 'fire':
      world.fire(at);
      return;
    case 'link':
      world.link();
      return;
    case 'unlink':
      world.unlink();
      return;
    case 'crash':
      world.crash(at);
      return;
    case 'unready':
    case 'ready':
    case 'unhealthy':
      world.judge(at, what);
      return;
    case 'deploy':
      world.deploy();
      return;
    case 'delay':
      world.delayPrepare(at);
      return;
    case 'request':
      world.request();
      return;
    case 'answer':
      world.answer();
      return;
    case 'stop':
      world.send({ kind: 'stop-asked' });
      return;
    case 'start':
      world.send({ kind: 'start-asked' });
      return;
    case 'person-wake':
      world.send({ kind: 'wake', by: 'person' });
      return;
    case 'person-sleep':
      world.send({ kind: 'sleep-asked' });
      return;
    case 'routes':
      world.send({ kind: 'routes-changed', sleepy: true, freezes: true, least: 0, most: world.most });
      return;
    case 'scale':
      world.send({ kind: 'scaled', count: 1 + (at % 4) });
      return;
    case 'split':
      world.split(at);
      return;
    case 'keep':
      world.send({ kind: 'kept', kept: at % 2 === 0, restarts: at % 3 === 0 });
      return;
    case 'depend':
      world.depend(at);
      return;
    case 'late':
      if (world.state.waits) world.send({ kind: 'dependencies-late', at });
      return;
    case 'quiet-said':
      world.send({ kind: 'quiet-said' });
      return;
    case 'found': {
      const { instances } = world.state;
      const id = instances[at % Math.max(1, instances.length)]?.id ?? '';
      const as = world.running.has(id) ? 'running' : 'prepared';
      world.send({ kind: 'found', id, as });
      return;
    }
  }
}

/** Thousands of histories on a busy machine. */
const HISTORIES_TIMEOUT_MS = 60_000;

/** One instance and no more, or several. */
const mostOf = fc.constantFrom(1, 3);

/** Where several may run, all of them do: histories alone would rarely get there. */
function begun(most: number): World {
  const world = new World(most);
  world.link();
  if (most === 1) return world;
  world.send({ kind: 'wake', by: 'proxy' });
  world.calm();
  world.send({ kind: 'scaled', count: most });
  world.calm();
  expect(world.running.size).toBe(most);
  return world;
}

const histories = fc.array(move as fc.Arbitrary<Move>, { maxLength: 120 });
const runs = { numRuns: 4_000, includeErrorInReport: true };

/** Somewhere in the middle of what has happened to it. */
function lived(moves: readonly Move[], most: number): World {
  const world = begun(most);
  for (const each of moves) apply(world, each);
  return world;
}

function afterEveryHistory(check: (world: World) => void, examples: [Move[], number][] = []): void {
  const property = fc.property(histories, mostOf, (moves, most) => check(lived(moves, most)));
  fc.assert(property, { ...runs, examples });
}

test(
  'whatever happens: calls never overlap, nothing busy is stopped, no revision runs more often than it may, and it comes to rest',
  () => {
    afterEveryHistory((world) => {
      world.calm();
      expect(world.state.wake).toBeNull();
      expect(world.state.sleep).toBeNull();
      expect(world.state.asked).toEqual({ sleep: false, stop: false });
      expect(world.state.instances.every((entry) => entry.call === null && entry.halt === null)).toBe(true);
    });
  },
  HISTORIES_TIMEOUT_MS,
);

test(
  'from wherever it is, a wake ends in an answer once everybody behaves',
  () => {
    afterEveryHistory((world) => {
      world.calm();
      world.send({ kind: 'start-asked' });
      world.send({ kind: 'wake', by: 'person' });
      world.calm();
      expect(world.state.wake).toBeNull();
      const current = world.state.instances.find((entry) => entry.id === world.state.current);
      expect(current?.state).toBe('running');
    });
  },
  HISTORIES_TIMEOUT_MS,
);

/** Frozen by the timer, then thawed for a request in vain: whether it runs is not known. */
const thawFails: Move[] = [
  { do: 'fire', at: 5 },
  ...new Array<Move>(4).fill({ do: 'settle', at: 0, isGood: true }),
  { do: 'request' },
  { do: 'settle', at: 5, isGood: false },
];

test(
  'from wherever it is, a delete leaves nothing',
  () => {
    const isDeletedWhole = (world: World): void => {
      world.send({ kind: 'delete-asked' });
      world.calm();
      expect(world.state.instances).toEqual([]);
      expect(world.running.size).toBe(0);
      expect(world.routed?.traffic).toBe('none');
    };
    afterEveryHistory(isDeletedWhole, [[thawFails, 3]]);
  },
  HISTORIES_TIMEOUT_MS,
);

test(
  'from wherever it is, a shutdown ends with nothing running, also without a proxy',
  () => {
    fc.assert(
      fc.property(histories, mostOf, fc.boolean(), (moves, most, isLinked) => {
        const world = lived(moves, most);
        if (!isLinked) world.unlink();
        world.send({ kind: 'shutdown' });
        for (let round = 0; round < 50; round++) {
          while (world.pending.length > 0) world.settle(0, true);
          if (world.armed.delete('retry')) world.send({ kind: 'timer', timer: 'retry' });
        }
        expect(world.running.size).toBe(0);
      }),
      runs,
    );
  },
  HISTORIES_TIMEOUT_MS,
);
