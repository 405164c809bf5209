import { describe, expect, test } from 'bun:test';
import type { StartFailure } from '../../domain/project-status.ts';
import type { Dependencies } from '../dependencies/bonds.ts';
import type { ProjectEffect } from './project-effect.ts';
import type { ProjectInput } from './project-input.ts';
import { next } from './project-machine.ts';
import {
  initialState,
  type Lineup,
  newInstance,
  type ProjectState,
  type Publication,
} from './project-state.ts';

const failure: StartFailure = { code: 'image_not_found', message: 'no such image', logLines: [], at: 0 };
const quiet = { inFlight: 0, held: 0, ends: 3 };
const busy = { inFlight: 1, held: 0, ends: 3 };
const nowhere: Publication = { traffic: 'forward', targets: [], split: [], routes: 1 };

const all = (revision: number): Lineup => [{ revision, percent: 100 }];

const fresh = initialState({
  wanted: 'active',
  sleepy: true,
  freezes: false,
  current: 'a',
  candidate: null,
  instances: [newInstance('a', 1)],
  lineup: all(1),
  nextLineup: null,
  verifies: false,
  least: 0,
  most: 1,
  seed: 'x',
});

function play(
  from: ProjectState,
  ...inputs: ProjectInput[]
): { state: ProjectState; effects: ProjectEffect[] } {
  let state = from;
  const effects: ProjectEffect[] = [];
  for (const input of inputs) {
    const step = next(state, input);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects };
}

function after(from: ProjectState, ...inputs: ProjectInput[]): ProjectState {
  return play(from, ...inputs).state;
}

function kinds(effects: readonly ProjectEffect[]): string[] {
  return effects.map((effect) => effect.kind);
}

const linked: ProjectInput = {
  kind: 'linked',
  published: nowhere,
  activity: null,
  answered: [],
  conflict: null,
};
const targets = (...ids: string[]): Publication => ({
  traffic: 'forward',
  targets: ids,
  split: [],
  routes: 1,
});
/** While revision 2 is on its way, and revision 1 serves. */
const trial = (...ids: string[]): Publication => ({
  ...targets(...ids),
  split: [...all(1), { revision: 2, percent: 0 }],
});

// One state of every kind a project can be in, each made by playing inputs.
const preparing = after(fresh, { kind: 'begin' }, linked);
const asleep = after(preparing, { kind: 'prepared', id: 'a' });
const unlinked = after(asleep, { kind: 'unlinked' });
const starting = after(asleep, { kind: 'wake', by: 'proxy' });
const located = after(starting, { kind: 'start-begun', id: 'a' }, { kind: 'started', id: 'a' });
const awake = after(
  located,
  { kind: 'published', publication: targets('a') },
  { kind: 'answered', id: 'a' },
  { kind: 'activity', activity: quiet },
);
const inUse = after(awake, { kind: 'activity', activity: busy });
const asking = after(awake, { kind: 'timer', timer: 'idle' });
const fenced = after(asking, { kind: 'fenced', token: 't' });
const signalled = after(fenced, { kind: 'signal-accepted', token: 't' });
const intending = after(signalled, { kind: 'intent-stored', id: 'a', intent: 'stopping' });
const stopping = after(intending, { kind: 'published', publication: nowhere });
const rewoken = after(stopping, { kind: 'wake', by: 'proxy' });
const failed = after(located, { kind: 'exited', id: 'a', failure });
const unprepared = after(preparing, { kind: 'prepare-failed', id: 'a', failure });
const overdue = after(located, { kind: 'deadline', id: 'a', failure });
const crashed = after(awake, { kind: 'exited', id: 'a', failure });
const revised: ProjectInput = {
  kind: 'revised',
  revision: 2,
  instanceId: 'b',
  lineup: all(2),
  verifies: false,
};
const deploying = after(awake, revised);
const deployingAsleep = after(asleep, revised);
const proving = after(
  deploying,
  { kind: 'prepared', id: 'b' },
  { kind: 'start-begun', id: 'b' },
  { kind: 'started', id: 'b' },
  { kind: 'published', publication: trial('a', 'b') },
);
const switched = after(proving, { kind: 'answered', id: 'b' });
const drainingStop = after(awake, { kind: 'stop-asked' });
const stopped = after(asleep, { kind: 'stop-asked' });
const deleting = after(awake, { kind: 'delete-asked' });
const closing = after(awake, { kind: 'shutdown' });
const conflicting = after(fresh, { kind: 'begin' }, { ...linked, conflict: failure });
const keep = (kept: boolean, restarts = true): ProjectInput => ({ kind: 'kept', kept, restarts });
const depends = (dependencies: Dependencies): ProjectInput => ({ kind: 'dependencies', dependencies });
const waiting: Dependencies = { kind: 'waiting', for: ['db'] };
const broken: Dependencies = { kind: 'failed', failure: { ...failure, code: 'dependency_failed' } };
const keptAwake = after(awake, keep(true));
const keptDue = after(keptAwake, { kind: 'timer', timer: 'idle' });
const keptAsleep = after(asleep, depends(waiting), keep(true));
const keptAtFence = after(fenced, keep(true));
const keptWhileStopping = after(stopping, keep(true));
const alone = after(asleep, depends(waiting));
const waitingForOthers = after(alone, { kind: 'wake', by: 'proxy' });
const dependencyBroken = after(alone, depends(broken));
const unready = after(awake, { kind: 'unready', id: 'a', failure });
const shut = after(unready, { kind: 'published', publication: nowhere });
const condemned = after(awake, { kind: 'unhealthy', id: 'a', failure });
const stopFailed = after(stopping, { kind: 'stop-failed', id: 'a', failure });

const states: Record<string, ProjectState> = {
  fresh,
  preparing,
  asleep,
  unlinked,
  starting,
  located,
  awake,
  inUse,
  asking,
  fenced,
  signalled,
  intending,
  stopping,
  rewoken,
  failed,
  unprepared,
  overdue,
  crashed,
  deploying,
  deployingAsleep,
  proving,
  switched,
  drainingStop,
  stopped,
  deleting,
  closing,
  conflicting,
  stopFailed,
  keptAwake,
  keptDue,
  keptAsleep,
  keptAtFence,
  keptWhileStopping,
  alone,
  waitingForOthers,
  dependencyBroken,
  unready,
  shut,
  condemned,
};

const inputs: ProjectInput[] = [
  { kind: 'begin' },
  { kind: 'wake', by: 'proxy' },
  { kind: 'wake', by: 'person' },
  { kind: 'wake', by: 'schedule' },
  keep(true),
  keep(false),
  keep(false, false),
  depends(waiting),
  depends(broken),
  depends({ kind: 'met' }),
  { kind: 'dependencies-late', at: 5 },
  { kind: 'quiet-said' },
  { kind: 'sleep-asked' },
  { kind: 'stop-asked' },
  { kind: 'start-asked' },
  { kind: 'delete-asked' },
  { kind: 'shutdown' },
  { kind: 'routes-changed', sleepy: false, freezes: false, least: 0, most: 1 },
  { kind: 'revised', revision: 9, instanceId: 'z', lineup: all(9), verifies: false },
  ...(['idle', 'backoff', 'stable', 'retry'] as const).map((timer) => ({ kind: 'timer', timer }) as const),
  linked,
  { ...linked, conflict: failure },
  { ...linked, answered: ['a', 'b'] },
  { kind: 'unlinked' },
  { kind: 'activity', activity: quiet },
  { kind: 'activity', activity: busy },
  { kind: 'activity', activity: { ...quiet, held: 1 } },
  { kind: 'fenced', token: 't' },
  { kind: 'fence-refused', activity: quiet },
  { kind: 'fence-refused', activity: busy },
  { kind: 'fence-failed' },
  ...(['lifted', 'signal-accepted', 'signal-stale', 'signal-failed'] as const).map(
    (kind) => ({ kind, token: 't' }) as const,
  ),
  { kind: 'published', publication: nowhere },
  { kind: 'published', publication: targets('a') },
  { kind: 'publish-failed', conflict: null },
  { kind: 'publish-failed', conflict: failure },
  ...['a', 'b', 'unknown'].flatMap((id): ProjectInput[] => [
    { kind: 'deadline', id, failure },
    { kind: 'answered', id },
    { kind: 'drained', id },
    { kind: 'drain-failed', id },
    { kind: 'intent-stored', id, intent: 'stopping' },
    { kind: 'intent-stored', id, intent: 'live' },
    { kind: 'intent-failed', id },
    { kind: 'prepared', id },
    { kind: 'prepare-failed', id, failure },
    { kind: 'start-begun', id },
    { kind: 'started', id },
    { kind: 'start-failed', id, failure },
    { kind: 'stopped', id },
    { kind: 'stop-failed', id, failure },
    { kind: 'removed', id },
    { kind: 'remove-failed', id },
    { kind: 'exited', id, failure },
    { kind: 'unready', id, failure },
    { kind: 'ready', id },
    { kind: 'unhealthy', id, failure },
    ...(['prepared', 'running', 'frozen', 'absent'] as const).map(
      (as) => ({ kind: 'found', id, as }) as const,
    ),
  ]),
];

describe('every state meets every input', () => {
  for (const [name, state] of Object.entries(states)) {
    test(`${name}: none throws, none changes the state it was given, each answer is plain data`, () => {
      const before = JSON.stringify(state);
      for (const input of inputs) {
        const step = next(state, input);
        expect(JSON.stringify(state)).toBe(before);
        expect(JSON.parse(JSON.stringify(step))).toEqual(structuredClone(step));
      }
    });

    test(`${name}: an instance that is being called is not called again`, () => {
      for (const input of inputs) {
        const { effects } = next(state, input);
        for (const effect of effects) {
          if (!('id' in effect) || !['prepare', 'start', 'stop', 'remove', 'thaw'].includes(effect.kind))
            continue;
          const before = state.instances.find((entry) => entry.id === effect.id);
          const isAnswered = 'id' in input && input.id === effect.id;
          expect(before?.call === null || before === undefined || isAnswered).toBe(true);
        }
      }
    });
  }
});

describe('kept awake for others', () => {
  test('does not sleep when its time has come, and is only due', () => {
    expect(kinds(next(keptAwake, { kind: 'timer', timer: 'idle' }).effects)).toEqual([]);
    expect(keptDue).toMatchObject({ due: true, sleep: null });
  });

  test('is no longer due when an exchange has begun or ended', () => {
    expect(after(keptDue, { kind: 'activity', activity: quiet }).due).toBe(true);
    expect(after(keptDue, { kind: 'activity', activity: busy }).due).toBe(false);
    expect(after(keptDue, { kind: 'activity', activity: { ...quiet, ends: 4 } }).due).toBe(false);
  });

  test('is let go: with its time anew, or at once where it is due and sleeps with a group', () => {
    expect(kinds(next(keptDue, keep(false)).effects)).toEqual(['arm']);
    expect(after(keptDue, keep(false)).due).toBe(false);
    expect(next(keptDue, keep(false, false)).effects).toContainEqual({ kind: 'fence', ends: 3 });
  });

  test('takes a fence back, and comes back from a sleep that is signalled', () => {
    expect(kinds(next(keptAtFence, { kind: 'signal-accepted', token: 't' }).effects)).toContain('lift');
    expect(kinds(next(after(asking, keep(true)), { kind: 'fenced', token: 't' }).effects)).toContain('lift');
    const over = play(keptWhileStopping, { kind: 'stopped', id: 'a' });
    expect(kinds(over.effects)).toContain('start');
  });

  test('is started where it sleeps, and again when it has ended', () => {
    expect(kinds(next(asleep, keep(true)).effects)).toContain('start');
    const ended = play(
      keptAwake,
      { kind: 'exited', id: 'a', failure },
      { kind: 'published', publication: nowhere },
    );
    const again = play(ended.state, { kind: 'prepared', id: 'a' });
    expect(kinds(again.effects)).toContain('start');
  });
});

describe('with dependencies that are not there', () => {
  test('starts nothing, and begins when they are', () => {
    expect(kinds(play(alone, { kind: 'wake', by: 'proxy' }).effects)).toEqual(['arm-dependencies']);
    const begun = next(waitingForOthers, depends({ kind: 'met' }));
    expect(kinds(begun.effects)).toEqual(['disarm-dependencies', 'start', 'record']);
  });

  test('fails who waits when they fail, says it once, and is tried again with the next request', () => {
    const { state, effects } = play(waitingForOthers, depends(broken));
    expect(kinds(effects)).toEqual(['record', 'fail-wake', 'tell', 'disarm-dependencies']);
    expect(state).toMatchObject({ wake: null, strikes: 0, backoff: null });
    expect(kinds(next(state, { kind: 'wake', by: 'proxy' }).effects)).toEqual(['fail-wake', 'tell']);
    const well = after(state, depends({ kind: 'met' }));
    expect(kinds(next(well, { kind: 'wake', by: 'proxy' }).effects)).toContain('start');
  });

  test('fails who waits when wake_timeout has passed', () => {
    const { state, effects } = play(waitingForOthers, { kind: 'dependencies-late', at: 5 });
    expect(kinds(effects)).toContain('fail-wake');
    expect(state.failure).toMatchObject({ code: 'dependency_timeout', at: 5 });
    expect(next(alone, { kind: 'dependencies-late', at: 5 }).effects).toEqual([]);
  });

  test('goes on when it runs already', () => {
    expect(next(awake, depends(broken)).effects).toEqual([]);
    expect(after(awake, depends(broken), { kind: 'wake', by: 'person' }).wake).toBeNull();
  });
});

describe('going to sleep', () => {
  test('asks for a fence with the ends it knows when the idle timer fires', () => {
    expect(next(awake, { kind: 'timer', timer: 'idle' }).effects).toContainEqual({ kind: 'fence', ends: 3 });
  });

  test('says signalled at once, and nothing else before the proxy has accepted', () => {
    expect(kinds(next(asking, { kind: 'fenced', token: 't' }).effects)).toEqual(['signal']);
  });

  test('stores the intention, then publishes without targets, then stops: each after the one before', () => {
    const { effects } = play(
      fenced,
      { kind: 'signal-accepted', token: 't' },
      { kind: 'intent-stored', id: 'a', intent: 'stopping' },
      { kind: 'published', publication: nowhere },
    );
    expect(kinds(effects).filter((kind) => kind !== 'disarm' && kind !== 'record')).toEqual([
      'store-intent',
      'publish',
      'stop',
    ]);
  });

  test('a stale token abandons the sleep and arms the idle timer again', () => {
    const step = next(fenced, { kind: 'signal-stale', token: 't' });
    expect(step.state.sleep).toBeNull();
    expect(kinds(step.effects)).toEqual(['arm']);
  });

  test('a refused fence takes over the numbers of the reply', () => {
    const step = next(asking, { kind: 'fence-refused', activity: { inFlight: 0, held: 0, ends: 9 } });
    expect(step.state).toMatchObject({ sleep: null, activity: { ends: 9 } });
    expect(step.effects).toContainEqual({ kind: 'arm', timer: 'idle', delayMs: 20 });
  });

  test('a store that fails takes the sleep back before anything was stopped', () => {
    const step = next(signalled, { kind: 'intent-failed', id: 'a' });
    expect(step.state).toMatchObject({ sleep: null, instances: [{ state: 'running', halt: null }] });
    expect(step.effects).toContainEqual({ kind: 'lift', token: 't' });
  });

  test('a link that breaks before the stop gives the sleep up, and the intention with it', () => {
    const step = next(intending, { kind: 'unlinked' });
    expect(step.state).toMatchObject({ sleep: null, instances: [{ state: 'running', halt: null }] });
    expect(step.effects).toContainEqual({ kind: 'store-intent', id: 'a', intent: 'live' });
  });

  test('a project that never sleeps asks for no fence', () => {
    const never = after(awake, { kind: 'routes-changed', sleepy: false, freezes: false, least: 0, most: 1 });
    expect(kinds(next(never, { kind: 'timer', timer: 'idle' }).effects)).not.toContain('fence');
  });

  test('nothing sleeps while the link is down', () => {
    const alone = after(awake, { kind: 'unlinked' });
    expect(kinds(next(alone, { kind: 'timer', timer: 'idle' }).effects)).not.toContain('fence');
  });
});

describe('waking', () => {
  test('any number of wakes make one start', () => {
    const wake: ProjectInput = { kind: 'wake', by: 'proxy' };
    expect(kinds(play(asleep, wake, wake, wake).effects).filter((kind) => kind === 'start')).toHaveLength(1);
  });

  test('a wake during the stop starts when the stop has ended, at once', () => {
    expect(kinds(play(stopping, { kind: 'wake', by: 'proxy' }).effects)).not.toContain('start');
    expect(kinds(next(rewoken, { kind: 'stopped', id: 'a' }).effects)).toContain('start');
  });

  test('a wake during the prepare starts when it is prepared', () => {
    const waiting = after(preparing, { kind: 'wake', by: 'proxy' });
    expect(kinds(next(waiting, { kind: 'prepared', id: 'a' }).effects)).toContain('start');
  });

  test('a start that a stop broke off may have worked: it is stopped, unless it is known to have ended', () => {
    const brokenOff = (code: string): string[] => {
      const { effects } = play(
        starting,
        { kind: 'start-begun', id: 'a' },
        { kind: 'stop-asked' },
        { kind: 'start-failed', id: 'a', failure: { ...failure, code } },
        { kind: 'intent-stored', id: 'a', intent: 'stopping' },
      );
      return kinds(effects).filter((kind) => kind === 'abort-start' || kind === 'stop');
    };
    expect(brokenOff('runtime_failed')).toEqual(['abort-start', 'stop']);
    expect(brokenOff('instance_exited')).toEqual(['abort-start']);
  });

  test('a failed start answers who waits, and who comes within the back-off', () => {
    const step = next(starting, { kind: 'start-failed', id: 'a', failure });
    expect(step.effects).toContainEqual({ kind: 'fail-wake', failure, retryAfterMs: 1_000 });
    expect(next(step.state, { kind: 'wake', by: 'proxy' }).effects).toContainEqual({
      kind: 'fail-wake',
      failure,
      retryAfterMs: null,
    });
  });

  test('after the back-off the next request prepares and starts again, and the next failure doubles it', () => {
    const { effects } = play(
      failed,
      { kind: 'published', publication: targets('a') },
      { kind: 'published', publication: nowhere },
      { kind: 'timer', timer: 'backoff' },
      { kind: 'wake', by: 'proxy' },
      { kind: 'prepared', id: 'a' },
      { kind: 'start-failed', id: 'a', failure: { ...failure, code: 'instance_exited' } },
    );
    expect(kinds(effects)).toEqual(expect.arrayContaining(['prepare', 'start']));
    expect(effects).toContainEqual(expect.objectContaining({ kind: 'fail-wake', retryAfterMs: 2_000 }));
  });

  test('what never answered is unpublished, drained and stopped before it may start again', () => {
    const { state, effects } = play(
      overdue,
      { kind: 'published', publication: targets('a') },
      { kind: 'published', publication: nowhere },
      { kind: 'drained', id: 'a' },
      { kind: 'intent-stored', id: 'a', intent: 'stopping' },
    );
    expect(kinds(effects)).toContain('stop');
    expect(state.instances[0]).toMatchObject({ state: 'stopping', call: 'stop' });
  });
});

test('two instances of one revision never run together: a start waits for the other one’s end', () => {
  const twin = { ...newInstance('b', 1), state: 'running', located: true } as const;
  const leaving = { ...twin, halt: { reason: 'failed', drain: 'needed' } } as const;
  const state = { ...asleep, instances: [...asleep.instances, leaving] };
  const woken = play(state, { kind: 'wake', by: 'proxy' });
  expect(kinds(woken.effects)).not.toContain('start');
  const ended = play(
    woken.state,
    { kind: 'drained', id: 'b' },
    { kind: 'intent-stored', id: 'b', intent: 'stopping' },
    { kind: 'stopped', id: 'b' },
  );
  expect(kinds(ended.effects)).toContain('start');
});

describe('crashes', () => {
  test('the first is repaired at once and the next request starts it', () => {
    expect(crashed.backoff).toBeNull();
    expect(crashed.instances[0]).toMatchObject({ state: 'preparing', call: 'prepare' });
  });

  test('the second within ten seconds makes the restart wait', () => {
    const again = after(
      crashed,
      { kind: 'published', publication: nowhere },
      { kind: 'prepared', id: 'a' },
      { kind: 'wake', by: 'proxy' },
      { kind: 'started', id: 'a' },
      { kind: 'published', publication: { ...nowhere, targets: ['a'] } },
      { kind: 'answered', id: 'a' },
      { kind: 'exited', id: 'a', failure },
    );
    expect(again).toMatchObject({ cooling: true, backoff: null });
    const asked = after(
      again,
      { kind: 'published', publication: nowhere },
      { kind: 'prepared', id: 'a' },
      { kind: 'wake', by: 'proxy' },
    );
    expect(asked.instances[0]?.call).toBeNull();
    expect(after(asked, { kind: 'timer', timer: 'backoff' }).instances[0]?.call).toBe('start');
  });
});

describe('a start that fails although the app has answered before', () => {
  const ended: StartFailure = { ...failure, code: 'instance_exited' };
  const again = play(
    intending,
    { kind: 'published', publication: nowhere },
    { kind: 'stopped', id: 'a' },
    { kind: 'wake', by: 'proxy' },
    { kind: 'start-failed', id: 'a', failure: ended },
  );

  test('is tried again at once, and who waits goes on waiting', () => {
    expect(kinds(again.effects)).not.toContain('fail-wake');
    expect(again.effects).toContainEqual({ kind: 'record', event: 'crashed', id: 'a', failure: ended });
    expect(again.state).toMatchObject({ strikes: 1, cooling: false, failure: null });
    expect(after(again.state, { kind: 'prepared', id: 'a' }).instances[0]?.call).toBe('start');
  });

  test('is tried three times more, later and later, before they hear why', () => {
    let { state } = again;
    const delays: number[] = [];
    let told: ProjectEffect | undefined;
    while (!told && delays.length < 10) {
      const failing = play(
        state,
        { kind: 'prepared', id: 'a' },
        { kind: 'start-failed', id: 'a', failure: ended },
      );
      told = failing.effects.find(({ kind }) => kind === 'fail-wake');
      const armed = failing.effects.find((effect) => effect.kind === 'arm' && effect.timer === 'backoff');
      if (armed?.kind === 'arm') delays.push(armed.delayMs);
      state = failing.state.cooling
        ? after(failing.state, { kind: 'timer', timer: 'backoff' })
        : failing.state;
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(told).toMatchObject({ failure: ended, retryAfterMs: 8_000 });
    expect(state).toMatchObject({ wake: null, backoff: ended });
  });

  test('what was prepared and is gone is prepared again also when it has never answered', () => {
    const gone: StartFailure = { ...failure, code: 'instance_not_found' };
    const missed = play(starting, { kind: 'start-failed', id: 'a', failure: gone });
    expect(kinds(missed.effects)).toContain('prepare');
    const twice = play(
      missed.state,
      { kind: 'prepared', id: 'a' },
      { kind: 'start-failed', id: 'a', failure: gone },
    );
    expect(twice.state).toMatchObject({ cooling: true, wake: { by: 'proxy' } });
    expect(twice.effects).toContainEqual({ kind: 'record', event: 'wake_failed', id: 'a', failure: gone });
  });
});

describe('suspended behind our back', () => {
  const suspended = play(awake, { kind: 'found', id: 'a', as: 'frozen' });
  const thawed = play(suspended.state, { kind: 'start-begun', id: 'a' }, { kind: 'started', id: 'a' });

  test('an instance that serves is thawed, and serves on without waiting for an answer', () => {
    expect(kinds(suspended.effects)).toContain('thaw');
    expect(thawed.state.instances[0]).toMatchObject({ state: 'running', call: null, halt: null });
    expect(thawed.effects).toContainEqual({ kind: 'disarm-deadline', id: 'a' });
    expect(kinds(thawed.effects)).not.toContain('publish');
  });

  test('it goes to sleep afterwards like any other, and may be suspended again', () => {
    expect(thawed.effects).toContainEqual({ kind: 'arm', timer: 'idle', delayMs: 0 });
    expect(kinds(next(thawed.state, { kind: 'found', id: 'a', as: 'frozen' }).effects)).toContain('thaw');
  });

  test('one that has not answered yet is thawed, then reached and asked anew', () => {
    const published = after(located, { kind: 'published', publication: targets('a') });
    const found = play(published, { kind: 'found', id: 'a', as: 'frozen' });
    expect(kinds(found.effects)).toContain('thaw');
    expect(found.effects).toContainEqual({ kind: 'publish', publication: nowhere });
    const { state, effects } = play(
      found.state,
      { kind: 'published', publication: nowhere },
      { kind: 'start-begun', id: 'a' },
      { kind: 'started', id: 'a' },
    );
    expect(state.instances[0]).toMatchObject({ state: 'starting', located: true, call: null });
    expect(effects).toContainEqual({ kind: 'publish', publication: targets('a') });
  });

  test('one that ended instead is prepared and started again for who waits', () => {
    const ended: StartFailure = { ...failure, code: 'instance_exited' };
    const { effects } = play(
      suspended.state,
      { kind: 'start-failed', id: 'a', failure: ended },
      { kind: 'published', publication: nowhere },
      { kind: 'timer', timer: 'backoff' },
      { kind: 'wake', by: 'proxy' },
      { kind: 'prepared', id: 'a' },
    );
    expect(kinds(effects)).toEqual(expect.arrayContaining(['publish', 'prepare', 'start']));
  });
});

describe('a new revision', () => {
  test('of an awake project starts beside the old one, and both are published until it answers', () => {
    const { effects } = play(deploying, { kind: 'prepared', id: 'b' }, { kind: 'started', id: 'b' });
    expect(kinds(effects)).toContain('start');
    expect(proving.published?.targets).toEqual(['a', 'b']);
  });

  test('that answers is published alone; the old one is drained, stopped and removed', () => {
    const { state, effects } = play(
      switched,
      { kind: 'published', publication: targets('b') },
      { kind: 'drained', id: 'a' },
      { kind: 'intent-stored', id: 'a', intent: 'removing' },
      { kind: 'stopped', id: 'a' },
      { kind: 'removed', id: 'a' },
    );
    expect(kinds(effects)).toEqual(expect.arrayContaining(['drain', 'store-intent', 'stop', 'remove']));
    expect(state.instances.map((entry) => entry.id)).toEqual(['b']);
  });

  test('whose further instance met an engine that is away goes on, and says nothing of it once it serves', () => {
    const away = { ...failure, code: 'runtime_unavailable' };
    const two = { ...proving, most: 2, count: 2 };
    const proved = after(two, { kind: 'answered', id: 'b' });
    const crew = proved.instances.find(({ id, revision }) => revision === 2 && id !== 'b');
    expect([proved.candidate, crew?.call]).toEqual(['b', 'prepare']);
    const waiting = after(proved, { kind: 'prepare-failed', id: crew?.id ?? '', failure: away });
    expect(waiting).toMatchObject({ current: 'a', candidate: 'b', switchFailure: null });
    const promoted = after({ ...proving, switchFailure: away }, { kind: 'answered', id: 'b' });
    expect(promoted).toMatchObject({ current: 'b', switchFailure: null });
  });

  test('that was taken away before its start is made again', () => {
    const gone: StartFailure = { ...failure, code: 'instance_not_found' };
    const tried = after(deploying, { kind: 'prepared', id: 'b' });
    const again = after(
      tried,
      { kind: 'start-failed', id: 'b', failure: gone },
      { kind: 'timer', timer: 'retry' },
    );
    expect(again.candidate).toBe('b');
    expect(again.instances[1]?.call).toBe('prepare');
  });

  test('that does not start leaves the old one serving and says why', () => {
    const step = next(proving, { kind: 'exited', id: 'b', failure });
    expect(step.state).toMatchObject({
      current: 'a',
      candidate: null,
      failure: null,
      switchFailure: failure,
    });
    expect(step.effects).toContainEqual({ kind: 'record', event: 'switch_failed', id: 'b', failure });
    expect(step.state.instances[0]).toMatchObject({ id: 'a', state: 'running', halt: null });
  });

  test('that failed is told until a newer one is on its way, whatever the old one does meanwhile', () => {
    const { state } = next(proving, { kind: 'exited', id: 'b', failure });
    const alone = after(state, { kind: 'published', publication: targets('a') });
    const crashed = after(alone, {
      kind: 'exited',
      id: 'a',
      failure: { ...failure, code: 'instance_exited' },
    });
    const restarted = after(
      crashed,
      { kind: 'wake', by: 'proxy' },
      { kind: 'published', publication: nowhere },
      { kind: 'prepared', id: 'a' },
      { kind: 'start-begun', id: 'a' },
      { kind: 'started', id: 'a' },
      { kind: 'answered', id: 'a' },
    );
    expect(restarted).toMatchObject({ failure: null, switchFailure: failure });
    expect(restarted.instances[0]).toMatchObject({ id: 'a', state: 'running' });
    expect(
      after(restarted, { kind: 'revised', revision: 3, instanceId: 'c', lineup: all(3), verifies: false })
        .switchFailure,
    ).toBeNull();
  });

  test('does not take over from one that ended meanwhile before it has answered itself', () => {
    const bad: StartFailure = { ...failure, code: 'instance_exited' };
    for (const verifies of [true, false]) {
      const both = after(awake, { ...revised, verifies });
      const left = play(both, { kind: 'exited', id: 'a', failure: bad }, { kind: 'prepared', id: 'b' });
      expect(left.state).toMatchObject({ current: 'a', candidate: 'b' });
      expect(left.state.instances.map(({ call }) => call)).toEqual(['prepare', 'start']);
      const alone = after(
        left.state,
        { kind: 'wake', by: 'proxy' },
        { kind: 'published', publication: nowhere },
        { kind: 'start-failed', id: 'b', failure: bad },
        { kind: 'prepared', id: 'a' },
      );
      expect(alone).toMatchObject({ current: 'a', candidate: null, switchFailure: bad });
      expect(alone.instances[0]?.call).toBe('start');
    }
  });

  test('keeps nobody waiting for its trial when the one before has answered before', () => {
    const tried = after(
      intending,
      { kind: 'published', publication: nowhere },
      { kind: 'stopped', id: 'a' },
      { ...revised, verifies: true },
      { kind: 'prepared', id: 'b' },
    );
    expect(tried.instances.map(({ call }) => call)).toEqual([null, 'start']);
    expect(after(tried, { kind: 'wake', by: 'proxy' }).instances.map(({ call }) => call)).toEqual([
      'start',
      'start',
    ]);
  });

  test('of a sleeping project replaces the prepared instance without a start', () => {
    const { state, effects } = play(
      deployingAsleep,
      { kind: 'prepared', id: 'b' },
      { kind: 'intent-stored', id: 'a', intent: 'removing' },
      { kind: 'removed', id: 'a' },
    );
    expect(kinds(effects)).not.toContain('start');
    expect(state).toMatchObject({ current: 'b', candidate: null, instances: [{ id: 'b' }] });
  });

  test('cancels a fence that was not signalled', () => {
    const step = play(asking, revised, { kind: 'fenced', token: 't' });
    expect(step.effects).toContainEqual({ kind: 'lift', token: 't' });
    expect(kinds(step.effects)).not.toContain('signal');
  });

  test('is superseded by a newer one', () => {
    const state = after(deploying, {
      kind: 'revised',
      revision: 3,
      instanceId: 'c',
      lineup: all(3),
      verifies: false,
    });
    expect(state.candidate).toBe('c');
    expect(state.instances.find((entry) => entry.id === 'b')?.halt?.reason).toBe('retire');
  });
});

describe('an instance whose probes fail', () => {
  test('is unrouted while it is not ready, and goes on running', () => {
    expect(unready.publishing).toEqual(nowhere);
    expect(unready.instances[0]).toMatchObject({ state: 'running', halt: null, isReady: false });
    expect(after(shut, { kind: 'ready', id: 'a' }).publishing).toEqual(targets('a'));
  });

  test('alone and not ready, it is put to sleep without a fence, which a closed gate refuses', () => {
    const { state, effects } = play(shut, { kind: 'timer', timer: 'idle' });
    expect(kinds(effects)).not.toContain('fence');
    expect(state.instances[0]?.halt).toEqual({ reason: 'sleep', drain: 'needed' });
  });

  test('is stopped as soon as it is unrouted when it must not go on, and started again for who waits', () => {
    expect(
      kinds(condemned.publishing ? play(awake, { kind: 'unhealthy', id: 'a', failure }).effects : []),
    ).toContain('publish');
    const { effects } = play(
      condemned,
      { kind: 'wake', by: 'proxy' },
      { kind: 'published', publication: nowhere },
      { kind: 'intent-stored', id: 'a', intent: 'stopping' },
      { kind: 'stopped', id: 'a' },
    );
    const calls = kinds(effects).filter((kind) => ['drain', 'stop', 'start'].includes(kind));
    expect(calls).toEqual(['stop', 'start']);
  });

  test('of the second time makes the restart wait, as after a crash', () => {
    expect(after({ ...awake, strikes: 1 }, { kind: 'unhealthy', id: 'a', failure }).cooling).toBe(true);
  });

  test('is left alone once it is on its way down', () => {
    for (const state of [signalled, stopping, drainingStop, deleting]) {
      const later = after(
        state,
        { kind: 'unhealthy', id: 'a', failure },
        { kind: 'unready', id: 'a', failure },
      );
      expect(later.instances).toEqual(state.instances);
    }
  });
});

describe('people', () => {
  test('a stop answers who waits, unpublishes, drains, and only then stops', () => {
    const { effects } = play(
      awake,
      { kind: 'stop-asked' },
      { kind: 'published', publication: { traffic: 'stopped', targets: [], split: [], routes: 1 } },
      { kind: 'drained', id: 'a' },
      { kind: 'intent-stored', id: 'a', intent: 'stopping' },
      { kind: 'stopped', id: 'a' },
    );
    expect(
      kinds(effects).filter((kind) => ['publish', 'drain', 'store-intent', 'stop', 'tell'].includes(kind)),
    ).toEqual(['publish', 'drain', 'store-intent', 'stop', 'store-intent', 'tell']);
  });

  test('a stop is told once, whether the project runs, sleeps or is stopped already', () => {
    const stop: ProjectInput = { kind: 'stop-asked' };
    const told = (from: ProjectState, ...more: ProjectInput[]): number =>
      play(from, stop, ...more).effects.filter((one) => one.kind === 'record' && one.event === 'stopped')
        .length;
    const ended: ProjectInput[] = [
      { kind: 'published', publication: { traffic: 'stopped', targets: [], split: [], routes: 1 } },
      { kind: 'drained', id: 'a' },
      { kind: 'intent-stored', id: 'a', intent: 'stopping' },
      { kind: 'stopped', id: 'a' },
    ];
    expect([told(asleep), told(stopped), told(failed)]).toEqual([1, 0, 1]);
    expect([told(awake, ...ended), told(stopping, { kind: 'stopped', id: 'a' })]).toEqual([1, 1]);
  });

  test('a delete leaves nothing and says so at the very end', () => {
    const { state, effects } = play(
      deleting,
      { kind: 'published', publication: { traffic: 'none', targets: [], split: [], routes: 1 } },
      { kind: 'drained', id: 'a' },
      { kind: 'intent-stored', id: 'a', intent: 'removing' },
      { kind: 'stopped', id: 'a' },
      { kind: 'removed', id: 'a' },
    );
    expect(state.instances).toEqual([]);
    expect(effects.at(-1)).toEqual({ kind: 'tell', outcome: { about: 'delete', result: 'done' } });
  });

  test('a person who asks for sleep while exchanges run hears that it is busy', () => {
    const { effects } = play(inUse, { kind: 'sleep-asked' }, { kind: 'fence-refused', activity: busy });
    expect(effects).toContainEqual({ kind: 'tell', outcome: { about: 'sleep', result: 'busy' } });
  });
});
