/** What the control plane and the engine can do next. The project machine decides; here its effects are carried out. */
import { adoptProject } from '../../src/control/instances/adoption.ts';
import type { ProjectEffect } from '../../src/control/projects/project-effect.ts';
import type { ProjectInput, ProjectTimer } from '../../src/control/projects/project-input.ts';
import type { ProjectState } from '../../src/control/projects/project-state.ts';
import { initialState } from '../../src/control/projects/project-state.ts';
import { desiredPublication } from '../../src/control/projects/publishing.ts';
import { DEFAULT_SCALING, DEFAULT_SETTINGS, type Project } from '../../src/domain/project.ts';
import type { ObservedInstance } from '../../src/runtimes/contract.ts';
import type { Protocol } from './protocol.ts';
import type { Control, EngineCall, Move, ToControl, ToDaemon, World } from './world.ts';
import { INSTANCE, Violation } from './world.ts';

/** Only its name, its revision and that it is active and sleepy are looked at. */
const project: Project = {
  settings: {
    ...DEFAULT_SETTINGS,
    name: 'app',
    image: 'app',
    containerPort: 80,
    hostnames: ['app.localhost'],
    scaling: { ...DEFAULT_SCALING, maxInstances: 1 },
  },
  wanted: 'active',
  revision: 1,
  traffic: [{ revision: 1, percent: 100, tag: null }],
  createdAt: 0,
  updatedAt: 0,
};
const startFailed: ProjectInput = {
  kind: 'start-failed',
  id: INSTANCE,
  failure: { code: 'instance_exited', message: 'it ended', logLines: [], at: 0 },
};

export function* controlMoves(world: World, protocol: Protocol): Generator<Move> {
  const { control, budget } = world;
  if (!control) {
    yield { label: 'the control plane returns', isFair: true, world: returned(world, protocol) };
    return;
  }
  yield* linkMoves(world, control, protocol);
  yield* timerMoves(world, control, protocol);
  if (budget.controlDeaths > 0) {
    const fewer = { ...world, budget: { ...budget, controlDeaths: budget.controlDeaths - 1 } };
    yield { label: 'the control plane dies; what it sent arrives', isFair: false, world: died(fewer, true) };
    yield { label: 'the control plane dies; what it sent is lost', isFair: false, world: died(fewer, false) };
  }
  if (budget.linkBreaks > 0 && control.link !== 'down') {
    const fewer = { ...world, budget: { ...budget, linkBreaks: budget.linkBreaks - 1 } };
    yield {
      label: 'the link breaks; what was sent arrives',
      isFair: false,
      world: broken(fewer, true, protocol),
    };
    yield {
      label: 'the link breaks; what was sent is lost',
      isFair: false,
      world: broken(fewer, false, protocol),
    };
  }
}

function* linkMoves(world: World, control: Control, protocol: Protocol): Generator<Move> {
  if (control.link === 'down') {
    const greeting = withControl(say(world, { kind: 'hello' }), { link: 'greeting' });
    yield { label: 'the control plane connects', isFair: true, world: greeting };
  }
  if (control.link === 'listing') {
    const snapshot = desiredPublication(control.project);
    const settling = withControl(world, { link: 'settling', snapshot });
    yield {
      label: `the control plane sends its snapshot [${snapshot.targets}]`,
      isFair: true,
      world: say(settling, { kind: 'snapshot', publication: snapshot }),
    };
  }
  const message = world.toControl[0];
  if (message) {
    const taken = { ...world, toControl: world.toControl.slice(1) };
    yield {
      label: `control hears ${message.kind}`,
      isFair: true,
      world: hear(taken, control, message, protocol),
    };
  }
  const entry = control.project.instances[0];
  const isForgotten = entry?.state === 'prepared' || entry?.state === 'failed';
  const isFound = world.engine.instance === 'up' || world.engine.instance === 'listening';
  if (isForgotten && isFound && entry.call === null && !entry.halt) {
    const found: ProjectInput = { kind: 'found', id: INSTANCE, as: 'running' };
    yield { label: 'control finds the instance running', isFair: true, world: give(world, protocol, found) };
  }
}

function* timerMoves(world: World, control: Control, protocol: Protocol): Generator<Move> {
  for (const timer of control.timers) {
    const { budget } = world;
    if (timer === 'idle' && budget.sleeps === 0) continue;
    const sleeps = timer === 'idle' ? budget.sleeps - 1 : budget.sleeps;
    const fired = withControl(
      { ...world, budget: { ...budget, sleeps } },
      { timers: control.timers.filter((other) => other !== timer) },
    );
    yield {
      label: `timer ${timer}`,
      isFair: timer !== 'idle',
      world: give(fired, protocol, { kind: 'timer', timer }),
    };
  }
}

function hear(world: World, control: Control, message: ToControl, protocol: Protocol): World {
  // What was said on an earlier link is nobody's.
  if (control.link === 'greeting' && message.kind !== 'welcome') return world;
  switch (message.kind) {
    case 'welcome':
      return withControl(world, { link: 'listing', welcome: message });
    case 'ready':
      return settled(world, control, protocol);
    case 'wake':
      return give(world, protocol, { kind: 'wake', by: 'proxy' });
    case 'published':
      return give(world, protocol, { kind: 'published', publication: message.publication });
    case 'fence-refused':
    case 'activity':
      return give(world, protocol, { kind: message.kind, activity: message.activity });
    case 'answered':
    case 'drained':
      return give(world, protocol, { kind: message.kind, id: message.id });
    case 'fenced':
    case 'signal-accepted':
    case 'signal-stale':
    case 'lifted':
      return give(world, protocol, { kind: message.kind, token: message.token });
    case 'end-of-link':
      return unlinked(world, protocol);
  }
}

/** The snapshot is in force; what the proxy may have kept beyond it is not known. */
function settled(world: World, control: Control, protocol: Protocol): World {
  const { welcome, snapshot } = control;
  if (!welcome || !snapshot) throw new Error('a link is ready only after its snapshot');
  const isWhole = welcome.targets.every(({ id }) => snapshot.targets.includes(id));
  const known = welcome.targets.filter(({ id, state }) => state === 'ready' && snapshot.targets.includes(id));
  const answered = known.map(({ id }) => id);
  const ready = withControl(world, { link: 'ready', welcome: null, snapshot: null });
  return give(ready, protocol, {
    kind: 'linked',
    published: isWhole ? snapshot : null,
    activity: welcome.activity,
    answered,
    conflict: null,
  });
}

/** A new process: what it knows it has from the store and the engine. */
function returned(world: World, protocol: Protocol): World {
  const { instance, intent } = world.engine;
  const address = { host: '127.0.0.1', port: 1, readiness: 'connect' } as const;
  const found = { instanceId: INSTANCE, project: project.settings.name, revision: 1 };
  const observed: ObservedInstance =
    instance === 'stopped' ? { ...found, state: 'exited' } : { ...found, state: 'running', address };
  const record = { ...found, intent, createdAt: 0 };
  const { basis } = adoptProject(project, [record], new Map([[INSTANCE, observed]]), () => 'another', {
    least: 0,
    most: 1,
  });
  const control = newControl(initialState(basis));
  return give({ ...world, control }, protocol, { kind: 'begin' });
}

export function newControl(project: ProjectState): Control {
  return { project, link: 'down', welcome: null, snapshot: null, timers: [], deadline: false };
}

function died(world: World, arrives: boolean): World {
  const calls = world.engine.calls
    .filter(({ kind }) => arrives && (kind === 'start' || kind === 'stop'))
    .map((call): EngineCall => ({ ...call, isOrphan: true }));
  const isLinked = world.control?.link !== 'down';
  const sent = arrives ? world.toDaemon : world.toDaemon.filter(({ kind }) => kind === 'end-of-link');
  return {
    ...world,
    control: null,
    toControl: [],
    toDaemon: isLinked ? [...sent, { kind: 'end-of-link' }] : sent,
    engine: { ...world.engine, calls },
  };
}

function broken(world: World, arrives: boolean, protocol: Protocol): World {
  const sent = arrives ? world.toDaemon : world.toDaemon.filter(({ kind }) => kind === 'end-of-link');
  const cut: World = { ...world, toControl: [], toDaemon: [...sent, { kind: 'end-of-link' }] };
  return unlinked(cut, protocol);
}

function unlinked(world: World, protocol: Protocol): World {
  const down = withControl(world, { link: 'down', welcome: null, snapshot: null });
  return give(down, protocol, { kind: 'unlinked' });
}

/** One input to the project machine, and its effects. */
function give(world: World, protocol: Protocol, input: ProjectInput): World {
  if (!world.control) throw new Error('nobody is there');
  const { state, effects } = protocol.nextProject(world.control.project, input);
  let now = withControl(world, { project: state });
  for (const effect of effects) now = carryOut(now, effect);
  return now;
}

function carryOut(world: World, effect: ProjectEffect): World {
  switch (effect.kind) {
    case 'prepare':
    case 'start':
    case 'stop':
      return call(world, { kind: effect.kind, intent: null, isOrphan: false });
    case 'store-intent':
      return call(world, { kind: 'store', intent: effect.intent, isOrphan: false });
    case 'publish':
      return say(world, { kind: 'publish', publication: effect.publication });
    case 'fence':
      return say(world, { kind: 'fence', ends: effect.ends });
    case 'signal':
      return say(world, { kind: 'signalled', token: effect.token });
    case 'lift':
      return say(world, { kind: 'lift', token: effect.token });
    case 'drain':
      return say(world, { kind: 'drain', id: effect.id });
    case 'fail-wake':
      return say(world, { kind: 'wake-failed' });
    case 'arm':
      return setTimer(world, effect.timer, true);
    case 'disarm':
      return setTimer(world, effect.timer, false);
    case 'arm-deadline':
    case 'disarm-deadline':
    case 'abort-start':
    case 'record':
    case 'tell':
      return world;
    default:
      throw new Error(`the model has no ${effect.kind}`);
  }
}

function call(world: World, made: EngineCall): World {
  return { ...world, engine: { ...world.engine, calls: [...world.engine.calls, made] } };
}

/** Before the proxy's welcome nothing but a hello can be said: such a call is rejected at once. */
function say(world: World, message: ToDaemon): World {
  const { link } = world.control ?? { link: 'down' };
  if ((link === 'down' || link === 'greeting') && message.kind !== 'hello') return world;
  return { ...world, toDaemon: [...world.toDaemon, message] };
}

/** `stable` only forgets old strikes; it decides nothing here. */
function setTimer(world: World, timer: ProjectTimer, isArmed: boolean): World {
  if (timer === 'stable' || !world.control) return world;
  const others = world.control.timers.filter((other) => other !== timer);
  return withControl(world, { timers: isArmed ? [...others, timer].sort() : others });
}

function withControl(world: World, change: Partial<Control>): World {
  if (!world.control) throw new Error('nobody is there');
  return { ...world, control: { ...world.control, ...change } };
}

// ---- the engine and the store

export function* engineMoves(world: World, protocol: Protocol): Generator<Move> {
  const { engine, budget } = world;
  if (engine.instance === 'up') {
    yield { label: 'the app listens', isFair: true, world: withInstance(world, 'listening') };
  }
  if (engine.instance === 'exiting') {
    yield { label: 'the instance exits', isFair: true, world: withInstance(world, 'stopped') };
  }
  const store = engine.calls.find(({ kind }) => kind === 'store');
  if (store) yield { label: 'store: the intention', isFair: true, world: execute(world, store, protocol) };
  // An engine takes the calls for one instance in the order in which they came, whoever has made them.
  const first = engine.calls.find(({ kind }) => kind !== 'store');
  if (!first || engine.instance === 'exiting') return;
  const label = `engine: ${first.kind}${first.isOrphan ? ' (orphan)' : ''}`;
  yield { label, isFair: true, world: execute(world, first, protocol) };
  const mayFail = budget.startFailures > 0 && engine.instance === 'stopped' && !first.isOrphan;
  if (first.kind === 'start' && mayFail) {
    const fewer = { ...world, budget: { ...budget, startFailures: budget.startFailures - 1 } };
    yield {
      label: 'engine: the start fails',
      isFair: false,
      world: answer(fewer, first, startFailed, protocol),
    };
  }
}

/** A stop first sends the signal, and is answered when the instance has exited. */
function execute(world: World, made: EngineCall, protocol: Protocol): World {
  const { instance } = world.engine;
  switch (made.kind) {
    case 'prepare':
      return answer(world, made, { kind: 'prepared', id: INSTANCE }, protocol);
    case 'store': {
      const intent = made.intent ?? 'live';
      const stored = { ...world, engine: { ...world.engine, intent } };
      return answer(stored, made, { kind: 'intent-stored', id: INSTANCE, intent }, protocol);
    }
    case 'start': {
      const started = instance === 'stopped' ? withInstance(world, 'up') : world;
      return answer(started, made, { kind: 'started', id: INSTANCE }, protocol);
    }
    case 'stop':
      if (instance !== 'stopped') return signalStop(world);
      return answer(world, made, { kind: 'stopped', id: INSTANCE }, protocol);
  }
}

/** The call is over; who made it hears so, if it lives. */
function answer(world: World, made: EngineCall, input: ProjectInput, protocol: Protocol): World {
  const calls = world.engine.calls.filter((other) => other !== made);
  const over = { ...world, engine: { ...world.engine, calls } };
  return made.isOrphan ? over : give(over, protocol, input);
}

function signalStop(world: World): World {
  const running = world.lanes.reduce((all, lane) => all + lane.running + lane.quiet, 0);
  if (running > 0) throw new Violation('a busy instance is sent the stop signal');
  return withInstance(world, 'exiting');
}

function withInstance(world: World, instance: World['engine']['instance']): World {
  return { ...world, engine: { ...world.engine, instance } };
}
