/** What the engine and the store do next: the calls of a control plane, and what instances do by themselves. */
import type { ProjectInput } from '../../src/control/projects/project-input.ts';
import { give, type Setup } from './control-moves.ts';
import type { ControlSide, EngineCall, InstanceLife, Move } from './world.ts';
import { TARGET_ROW, targetRow } from './world.ts';

export function* engineMoves(side: ControlSide, setup: Setup): Generator<Move<ControlSide>> {
  const { engine, instances } = side;
  for (const [at, life] of instances.entries()) {
    if (life === 'up')
      yield { label: `app ${at + 1} listens`, isFair: true, side: withLife(side, at, 'listening') };
    if (life === 'exiting')
      yield { label: `instance ${at + 1} exits`, isFair: true, side: withLife(side, at, 'stopped') };
  }
  const met = new Set<string>();
  for (const made of engine.calls) {
    // An engine takes the calls for one instance in the order in which they came, whoever has made them; so does the store.
    const queue = `${made.kind === 'store' ? 'store' : 'engine'} ${made.id}`;
    if (met.has(queue)) continue;
    met.add(queue);
    if (made.kind === 'store' || lifeOf(side, made.id) !== 'exiting') yield* outcomes(side, made, setup);
  }
}

function* outcomes(side: ControlSide, made: EngineCall, setup: Setup): Generator<Move<ControlSide>> {
  const { budget } = side;
  const label = `${made.kind === 'store' ? 'store' : 'engine'}: ${made.kind} of ${made.id}`;
  const done = execute(side, made, setup);
  yield { label: `${label}${made.isOrphan ? ' (orphan)' : ''}`, isFair: true, side: done };
  const mayFail = budget.startFailures > 0 && lifeOf(side, made.id) === 'stopped' && !made.isOrphan;
  if (made.kind !== 'start' || !mayFail) return;
  const fewer = { ...side, budget: { ...budget, startFailures: budget.startFailures - 1 } };
  const failed: ProjectInput = {
    kind: 'start-failed',
    id: made.id,
    failure: { code: 'instance_exited', message: 'it ended', logLines: [], at: 0 },
  };
  yield { label: `${label} fails`, isFair: false, side: answer(fewer, made, failed, setup) };
}

/** A stop first sends the signal, and is answered when the instance has exited. */
function execute(side: ControlSide, made: EngineCall, setup: Setup): ControlSide {
  const { id } = made;
  const life = lifeOf(side, id);
  const isFrozen = life === 'frozen' || life === 'frozen-late';
  switch (made.kind) {
    case 'prepare':
      return answer(withIntent(side, id, 'live'), made, { kind: 'prepared', id }, setup);
    case 'store': {
      const intent = made.intent ?? 'live';
      return answer(withIntent(side, id, intent), made, { kind: 'intent-stored', id, intent }, setup);
    }
    case 'start':
      return answer(become(side, id, life === 'stopped' ? 'up' : life), made, { kind: 'started', id }, setup);
    case 'thaw':
      // Started, if it was found to lie stopped.
      if (life === 'stopped') return answer(become(side, id, 'up'), made, { kind: 'started', id }, setup);
      return answer(become(side, id, isFrozen ? 'listening' : life), made, { kind: 'started', id }, setup);
    case 'freeze': {
      const runs = life === 'up' || life === 'listening';
      const suspended = made.isOrphan ? 'frozen-late' : 'frozen';
      return answer(become(side, id, runs ? suspended : life), made, { kind: 'frozen', id }, setup);
    }
    case 'stop':
      if (life !== 'stopped') return become(side, id, 'exiting');
      return answer(side, made, { kind: 'stopped', id }, setup);
    case 'remove':
      return answer(withoutRecord(side, id), made, { kind: 'removed', id }, setup);
  }
}

/** The call is over; who made it hears so, if it lives. */
function answer(side: ControlSide, made: EngineCall, input: ProjectInput, setup: Setup): ControlSide {
  const calls = side.engine.calls.filter((other) => other !== made);
  const over = { ...side, engine: { ...side.engine, calls } };
  return made.isOrphan ? over : give(over, setup, input);
}

function lifeOf(side: ControlSide, id: string): InstanceLife {
  return side.instances[targetRow(id) - TARGET_ROW]!;
}

function become(side: ControlSide, id: string, life: InstanceLife): ControlSide {
  return withLife(side, targetRow(id) - TARGET_ROW, life);
}

function withLife(side: ControlSide, at: number, life: InstanceLife): ControlSide {
  return side.instances[at] === life ? side : { ...side, instances: side.instances.with(at, life) };
}

function withIntent(side: ControlSide, id: string, intent: EngineCall['intent']): ControlSide {
  const { intents } = side.engine;
  const isTaken = Object.keys(intents).some((other) => other !== id && targetRow(other) === targetRow(id));
  if (isTaken) throw new Error(`the model has no row for ${id}`);
  return { ...side, engine: { ...side.engine, intents: { ...intents, [id]: intent ?? 'live' } } };
}

function withoutRecord(side: ControlSide, id: string): ControlSide {
  const kept = Object.entries(side.engine.intents).filter(([other]) => other !== id);
  return { ...side, engine: { ...side.engine, intents: Object.fromEntries(kept) } };
}
