/** What the control plane can do next. The project machine decides; here its effects are carried out. */
import { adoptProject } from '../../src/control/instances/adoption.ts';
import type { ProjectEffect } from '../../src/control/projects/project-effect.ts';
import type { ProjectInput, ProjectTimer } from '../../src/control/projects/project-input.ts';
import type { ProjectState } from '../../src/control/projects/project-state.ts';
import { initialState } from '../../src/control/projects/project-state.ts';
import { desiredPublication } from '../../src/control/projects/publishing.ts';
import { DEFAULT_SCALING, DEFAULT_SETTINGS, type Project } from '../../src/domain/project.ts';
import { allTo } from '../../src/domain/revision.ts';
import type { ObservedInstance } from '../../src/runtimes/contract.ts';
import type { Protocol } from './protocol.ts';
import type {
  Budget,
  Control,
  ControlSide,
  EngineCall,
  InstanceLife,
  Move,
  ProjectShape,
  ToControl,
  ToDaemon,
} from './world.ts';
import { TARGET_ROW, targetRow } from './world.ts';

/** The functions under test, and how the project is set up. */
export interface Setup {
  readonly protocol: Protocol;
  readonly shape: ProjectShape;
}

/** Only its name, its revision and its scaling are looked at. */
function projectOf({ freezes, instancesMax }: ProjectShape): Project {
  return {
    settings: {
      ...DEFAULT_SETTINGS,
      name: 'app',
      image: 'app',
      containerPort: 80,
      hostnames: ['app.localhost'],
      scaling: {
        ...DEFAULT_SCALING,
        maxInstances: instancesMax,
        freezeAfterMs: freezes ? 1_000 : null,
      },
    },
    wanted: 'active',
    revision: 1,
    traffic: allTo(1),
    createdAt: 0,
    updatedAt: 0,
  };
}

export function* controlMoves(side: ControlSide, setup: Setup): Generator<Move<ControlSide>> {
  const { control, budget } = side;
  if (!control) {
    yield { label: 'the control plane returns', isFair: true, side: returned(side, setup) };
    return;
  }
  yield* linkMoves(side, control, setup);
  yield* findings(side, control, setup);
  yield* timerMoves(side, control, setup);
  if (budget.scalings > 0) {
    const fewer = { ...side, budget: { ...budget, scalings: budget.scalings - 1 } };
    const count = control.project.count === 1 ? 2 : 1;
    const scaled = give(fewer, setup, { kind: 'scaled', count });
    yield { label: `the load asks for ${count}`, isFair: false, side: scaled };
  }
  if (budget.controlDeaths > 0) {
    const fewer = { ...side, budget: { ...budget, controlDeaths: budget.controlDeaths - 1 } };
    yield { label: 'the control plane dies; what it sent arrives', isFair: false, side: died(fewer, true) };
    yield { label: 'the control plane dies; what it sent is lost', isFair: false, side: died(fewer, false) };
  }
  if (budget.linkBreaks > 0 && control.link !== 'down') {
    const fewer = { ...side, budget: { ...budget, linkBreaks: budget.linkBreaks - 1 } };
    yield {
      label: 'the link breaks; what was sent arrives',
      isFair: false,
      side: broken(fewer, true, setup),
    };
    yield {
      label: 'the link breaks; what was sent is lost',
      isFair: false,
      side: broken(fewer, false, setup),
    };
  }
}

function* linkMoves(side: ControlSide, control: Control, setup: Setup): Generator<Move<ControlSide>> {
  if (control.link === 'down') {
    const greeting = withControl(say(side, { kind: 'hello' }), { link: 'greeting' });
    yield { label: 'the control plane connects', isFair: true, side: greeting };
  }
  if (control.link === 'listing') {
    const snapshot = desiredPublication(control.project);
    const settling = withControl(side, { link: 'settling', snapshot });
    yield {
      label: `the control plane sends its snapshot [${snapshot.targets}]`,
      isFair: true,
      side: say(settling, { kind: 'snapshot', publication: snapshot }),
    };
  }
  const message = side.toControl[0];
  if (message) {
    const taken = { ...side, toControl: side.toControl.slice(1) };
    yield {
      label: `control hears ${message.kind}`,
      isFair: true,
      side: hear(taken, control, message, setup),
    };
  }
}

/** The runtime is listed now and then: what is found there may not be what was thought. */
function* findings(side: ControlSide, control: Control, setup: Setup): Generator<Move<ControlSide>> {
  for (const { id, state, call, halt } of control.project.instances) {
    const life = side.instances[targetRow(id) - TARGET_ROW];
    const isFrozen = life === 'frozen' || life === 'frozen-late';
    const isUp = life === 'up' || life === 'listening';
    const isForgotten = (state === 'prepared' || state === 'failed') && (isUp || isFrozen);
    const isElse =
      ((state === 'running' || state === 'starting') && isFrozen) || (state === 'frozen' && isUp);
    if (call !== null || halt || !(isForgotten || isElse)) continue;
    const as = isFrozen ? 'frozen' : 'running';
    const found = give(side, setup, { kind: 'found', id, as });
    yield { label: `control finds ${id} ${as}`, isFair: true, side: found };
  }
}

/** A timer that sends it to sleep may never fire; the others do. */
function* timerMoves(side: ControlSide, control: Control, setup: Setup): Generator<Move<ControlSide>> {
  for (const timer of control.timers) {
    const budget = budgetAfter(side.budget, timer);
    if (budget === null) continue;
    const fired = withControl(
      { ...side, budget },
      { timers: control.timers.filter((other) => other !== timer) },
    );
    yield {
      label: `timer ${timer}`,
      isFair: timer !== 'idle' && timer !== 'freeze',
      side: give(fired, setup, { kind: 'timer', timer }),
    };
  }
}

function budgetAfter(budget: Budget, timer: ProjectTimer): Budget | null {
  if (timer === 'idle') return budget.sleeps === 0 ? null : { ...budget, sleeps: budget.sleeps - 1 };
  if (timer === 'freeze') return budget.freezes === 0 ? null : { ...budget, freezes: budget.freezes - 1 };
  return budget;
}

function hear(side: ControlSide, control: Control, message: ToControl, setup: Setup): ControlSide {
  // What was said on an earlier link is nobody's.
  if (control.link === 'greeting' && message.kind !== 'welcome') return side;
  switch (message.kind) {
    case 'welcome':
      return withControl(side, { link: 'listing', welcome: message });
    case 'ready':
      return settled(side, control, setup);
    case 'wake':
      return give(side, setup, { kind: 'wake', by: 'proxy' });
    case 'published':
      return give(side, setup, { kind: 'published', publication: message.publication });
    case 'fence-refused':
    case 'activity':
      return give(side, setup, { kind: message.kind, activity: message.activity });
    case 'answered':
    case 'drained':
      return give(side, setup, { kind: message.kind, id: message.id });
    case 'fenced':
    case 'signal-accepted':
    case 'signal-stale':
    case 'lifted':
      return give(side, setup, { kind: message.kind, token: message.token });
    case 'end-of-link':
      return unlinked(side, setup);
  }
}

/** The snapshot is in force; what the proxy may have kept beyond it is not known. */
function settled(side: ControlSide, control: Control, setup: Setup): ControlSide {
  const { welcome, snapshot } = control;
  if (!welcome || !snapshot) throw new Error('a link is ready only after its snapshot');
  const isWhole = welcome.targets.every(({ id }) => snapshot.targets.includes(id));
  const known = welcome.targets.filter(({ id, state }) => state === 'ready' && snapshot.targets.includes(id));
  const answered = known.map(({ id }) => id);
  const ready = withControl(side, { link: 'ready', welcome: null, snapshot: null });
  return give(ready, setup, {
    kind: 'linked',
    published: isWhole ? snapshot : null,
    activity: welcome.activity,
    answered,
    conflict: null,
  });
}

/** A new process: what it knows it has from the store and the engine. */
function returned(side: ControlSide, setup: Setup): ControlSide {
  const project = projectOf(setup.shape);
  const { name } = project.settings;
  const found = { project: name, service: name, revision: 1, createdAt: 0 };
  const records = Object.entries(side.engine.intents).map(([instanceId, intent]) => {
    return { ...found, instanceId, intent };
  });
  const observed = records.map(({ instanceId }): [string, ObservedInstance] => {
    return [instanceId, observe(instanceId, side.instances[targetRow(instanceId) - TARGET_ROW]!)];
  });
  const limits = { least: 0, most: setup.shape.instancesMax };
  const { basis } = adoptProject(project, records, new Map(observed), () => 'further', limits);
  return give({ ...side, control: newControl(initialState(basis)) }, setup, { kind: 'begin' });
}

function observe(instanceId: string, life: InstanceLife): ObservedInstance {
  const found = { instanceId, project: 'app', revision: 1 };
  const address = { host: '127.0.0.1', port: 1, readiness: 'connect' } as const;
  if (life === 'stopped') return { ...found, state: 'exited' };
  return { ...found, state: life === 'frozen' || life === 'frozen-late' ? 'frozen' : 'running', address };
}

function newControl(project: ProjectState): Control {
  return { project, link: 'down', welcome: null, snapshot: null, timers: [] };
}

function died(side: ControlSide, arrives: boolean): ControlSide {
  const calls = side.engine.calls
    .filter(({ kind }) => arrives && kind !== 'store' && kind !== 'prepare' && kind !== 'remove')
    .map((call): EngineCall => ({ ...call, isOrphan: true }));
  const isLinked = side.control?.link !== 'down';
  const sent = arrives ? side.toDaemon : side.toDaemon.filter(({ kind }) => kind === 'end-of-link');
  return {
    ...side,
    control: null,
    toControl: [],
    toDaemon: isLinked ? [...sent, { kind: 'end-of-link' }] : sent,
    engine: { ...side.engine, calls },
  };
}

function broken(side: ControlSide, arrives: boolean, setup: Setup): ControlSide {
  const sent = arrives ? side.toDaemon : side.toDaemon.filter(({ kind }) => kind === 'end-of-link');
  const cut: ControlSide = { ...side, toControl: [], toDaemon: [...sent, { kind: 'end-of-link' }] };
  return unlinked(cut, setup);
}

function unlinked(side: ControlSide, setup: Setup): ControlSide {
  const down = withControl(side, { link: 'down', welcome: null, snapshot: null });
  return give(down, setup, { kind: 'unlinked' });
}

/** One input to the project machine, and its effects. */
export function give(side: ControlSide, setup: Setup, input: ProjectInput): ControlSide {
  if (!side.control) throw new Error('nobody is there');
  const { state, effects } = setup.protocol.nextProject(side.control.project, input);
  let now = withControl(side, { project: state });
  for (const effect of effects) now = carryOut(now, effect);
  return now;
}

function carryOut(side: ControlSide, effect: ProjectEffect): ControlSide {
  switch (effect.kind) {
    case 'prepare':
    case 'start':
    case 'freeze':
    case 'thaw':
    case 'stop':
    case 'remove':
      return call(side, { kind: effect.kind, id: effect.id, intent: null, isOrphan: false });
    case 'store-intent':
      return call(side, { kind: 'store', id: effect.id, intent: effect.intent, isOrphan: false });
    case 'publish':
      return say(side, { kind: 'publish', publication: effect.publication });
    case 'fence':
      return say(side, { kind: 'fence', ends: effect.ends });
    case 'signal':
      return say(side, { kind: 'signalled', token: effect.token });
    case 'lift':
      return say(side, { kind: 'lift', token: effect.token });
    case 'drain':
      return say(side, { kind: 'drain', id: effect.id });
    case 'fail-wake':
      return say(side, { kind: 'wake-failed' });
    case 'arm':
      return setTimer(side, effect.timer, true);
    case 'disarm':
      return setTimer(side, effect.timer, false);
    case 'arm-deadline':
    case 'disarm-deadline':
    case 'arm-dependencies':
    case 'disarm-dependencies':
    case 'abort-start':
    case 'abort-prepare':
    case 'record':
    case 'tell':
      return side;
  }
}

function call(side: ControlSide, made: EngineCall): ControlSide {
  return { ...side, engine: { ...side.engine, calls: [...side.engine.calls, made] } };
}

/** Before the proxy's welcome nothing but a hello can be said: such a call is rejected at once. */
function say(side: ControlSide, message: ToDaemon): ControlSide {
  const { link } = side.control ?? { link: 'down' };
  if ((link === 'down' || link === 'greeting') && message.kind !== 'hello') return side;
  return { ...side, toDaemon: [...side.toDaemon, message] };
}

/** `stable` only forgets old strikes; it decides nothing here. */
function setTimer(side: ControlSide, timer: ProjectTimer, isArmed: boolean): ControlSide {
  if (timer === 'stable' || !side.control) return side;
  const others = side.control.timers.filter((other) => other !== timer);
  return withControl(side, { timers: isArmed ? [...others, timer].sort() : others });
}

function withControl(side: ControlSide, change: Partial<Control>): ControlSide {
  if (!side.control) throw new Error('nobody is there');
  return { ...side, control: { ...side.control, ...change } };
}
