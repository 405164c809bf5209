import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Gate, GateEffect, GateEvent, GatePhase, GateTarget } from './index.ts';
import { gateReport, newGate, nextGate, restoredGate } from './index.ts';

const failure = { code: 'instance_exited', message: 'it ended', retryAfterMs: 1_000 };
const quiet = { inFlight: 0, held: 0, ends: 7 };
const ready: GateTarget = { id: 't1', state: 'ready' };
const starting: GateTarget = { id: 't2', state: 'starting' };

const phases = {
  closed: { kind: 'closed' },
  open: { kind: 'open' },
  fencing: { kind: 'fencing', token: 'own', ends: 7 },
  fenced: { kind: 'fenced', token: 'own' },
  signalling: { kind: 'signalling', token: 'own' },
  signalled: { kind: 'signalled', token: 'own' },
} as const satisfies Record<string, GatePhase>;

/** Every gate has one target that answered before (t1) and one that has not yet (t2). */
const events = {
  'publish t1 t2 (the same)': { kind: 'published', targets: ['t1', 't2'], isSnapshot: false, generation: 5 },
  'publish t1': { kind: 'published', targets: ['t1'], isSnapshot: false, generation: 5 },
  'publish t2 t3': { kind: 'published', targets: ['t2', 't3'], isSnapshot: false, generation: 5 },
  'publish none': { kind: 'published', targets: [], isSnapshot: false, generation: 5 },
  'snapshot t1 t2 (the same)': { kind: 'published', targets: ['t1', 't2'], isSnapshot: true, generation: 5 },
  'snapshot none': { kind: 'published', targets: [], isSnapshot: true, generation: 5 },
  't2 answered': { kind: 'target-answered', targetId: 't2', generation: 5 },
  't1 answered once more': { kind: 'target-answered', targetId: 't1', generation: 5 },
  'unknown target answered': { kind: 'target-answered', targetId: 't9', generation: 5 },
  fence: { kind: 'fence', ends: 7, token: 'new' },
  'read quiet': { kind: 'board-read', reading: quiet },
  'read in flight': { kind: 'board-read', reading: { ...quiet, inFlight: 1 } },
  'read held': { kind: 'board-read', reading: { ...quiet, held: 1 } },
  'read one more end': { kind: 'board-read', reading: { ...quiet, ends: 8 } },
  signalled: { kind: 'signalled', token: 'own' },
  'signalled, stale': { kind: 'signalled', token: 'old' },
  lift: { kind: 'lift', token: 'own' },
  'lift, stale': { kind: 'lift', token: 'old' },
  wake: { kind: 'wake' },
  'wake failed': { kind: 'wake-failed', failure },
  'link made': { kind: 'link-made' },
  'link ready': { kind: 'link-ready' },
  'link lost': { kind: 'link-lost' },
  removed: { kind: 'removed', generation: 5 },
} as const satisfies Record<string, GateEvent>;

type Row = { readonly [P in keyof typeof phases]: string };
const impossible = 'impossible';
const none = (event: string): Pick<Row, 'fencing' | 'signalling'> => ({
  fencing: event,
  signalling: event,
});

/** `phase: effects`; gates are opened for generation 3 (theirs) or 5 (the event's). */
const expected: { readonly [E in keyof typeof events]: Row } = {
  'publish t1 t2 (the same)': {
    ...none(impossible),
    closed: 'open: open-gate 3, announce',
    open: 'open:',
    fenced: 'fenced:',
    signalled: 'signalled:',
  },
  'publish t1': {
    ...none(impossible),
    closed: 'open: open-gate 5, close-target t2, change-table 5, announce',
    open: 'open: open-gate 5, close-target t2, change-table 5, announce',
    fenced: 'open: open-gate 5, close-target t2, change-table 5, announce',
    signalled: 'open: open-gate 5, close-target t2, change-table 5, announce',
  },
  'publish t2 t3': {
    ...none(impossible),
    closed: 'closed: close-target t1, change-table 5',
    open: 'closed: close-gate, close-target t1, change-table 5',
    fenced: 'closed: close-target t1, change-table 5',
    signalled: 'closed: close-target t1, change-table 5',
  },
  'publish none': {
    ...none(impossible),
    closed: 'closed: close-target t1, close-target t2, change-table 5',
    open: 'closed: close-gate, close-target t1, close-target t2, change-table 5',
    fenced: 'closed: close-target t1, close-target t2, change-table 5',
    signalled: 'closed: close-target t1, close-target t2, change-table 5',
  },
  'snapshot t1 t2 (the same)': {
    ...none(impossible),
    closed: 'open: open-gate 3, announce',
    open: 'open:',
    fenced: 'open: open-gate 3, announce',
    signalled: 'open: open-gate 3, announce',
  },
  'snapshot none': {
    ...none(impossible),
    closed: 'closed: close-target t1, close-target t2, change-table 5',
    open: 'open: open-gate 5, close-target t2, change-table 5, announce',
    fenced: 'closed: close-target t1, close-target t2, change-table 5',
    signalled: 'closed: close-target t1, close-target t2, change-table 5',
  },
  't2 answered': {
    ...none(impossible),
    closed: 'open: open-target t2 5, open-gate 5, change-table 5, announce, send-answered t2',
    open: 'open: open-target t2 5, change-table 5, send-answered t2',
    fenced: 'fenced: open-target t2 5, change-table 5, send-answered t2',
    signalled: 'signalled: open-target t2 5, change-table 5, send-answered t2',
  },
  't1 answered once more': {
    ...none(impossible),
    closed: 'closed:',
    open: 'open:',
    fenced: 'fenced:',
    signalled: 'signalled:',
  },
  'unknown target answered': {
    ...none(impossible),
    closed: 'closed:',
    open: 'open:',
    fenced: 'fenced:',
    signalled: 'signalled:',
  },
  fence: {
    ...none(impossible),
    closed: 'closed: reply-fence refused',
    open: 'fencing: close-gate, read-board',
    fenced: 'open: open-gate 3, announce, reply-fence refused',
    signalled: 'signalled: reply-fence refused',
  },
  'read quiet': {
    closed: impossible,
    open: impossible,
    fencing: 'fenced: reply-fence own',
    fenced: impossible,
    signalling: 'signalled: reply-signalled accepted',
    signalled: impossible,
  },
  'read in flight': {
    closed: impossible,
    open: impossible,
    fencing: 'open: open-gate 3, announce, reply-fence refused',
    fenced: impossible,
    signalling: 'open: open-gate 3, announce, reply-signalled stale',
    signalled: impossible,
  },
  'read held': {
    closed: impossible,
    open: impossible,
    fencing: 'open: open-gate 3, announce, reply-fence refused',
    fenced: impossible,
    signalling: 'open: open-gate 3, announce, reply-signalled stale',
    signalled: impossible,
  },
  'read one more end': {
    closed: impossible,
    open: impossible,
    fencing: 'open: open-gate 3, announce, reply-fence refused',
    fenced: impossible,
    // The fence counted it already: an end needs an entry, and nobody has entered since.
    signalling: 'signalled: reply-signalled accepted',
    signalled: impossible,
  },
  signalled: {
    ...none(impossible),
    closed: 'closed: reply-signalled stale',
    open: 'open: reply-signalled stale',
    fenced: 'signalling: read-board',
    signalled: 'signalled: reply-signalled stale',
  },
  'signalled, stale': {
    ...none(impossible),
    closed: 'closed: reply-signalled stale',
    open: 'open: reply-signalled stale',
    fenced: 'fenced: reply-signalled stale',
    signalled: 'signalled: reply-signalled stale',
  },
  lift: {
    ...none(impossible),
    closed: 'closed:',
    open: 'open:',
    fenced: 'open: open-gate 3, announce',
    signalled: 'open: open-gate 3, announce',
  },
  'lift, stale': {
    ...none(impossible),
    closed: 'closed:',
    open: 'open:',
    fenced: 'fenced:',
    signalled: 'signalled:',
  },
  wake: {
    ...none(impossible),
    closed: 'closed: send-wake',
    open: 'open:',
    fenced: 'open: open-gate 3, announce, send-fence-lifted own',
    signalled: 'signalled: send-wake',
  },
  'wake failed': {
    ...none(impossible),
    closed: 'closed: answer-held',
    open: 'open:',
    fenced: 'fenced:',
    signalled: 'signalled: answer-held',
  },
  'link made': {
    ...none(impossible),
    closed: 'closed:',
    open: 'open:',
    fenced: 'open: open-gate 3, announce',
    signalled: 'signalled:',
  },
  'link ready': {
    ...none(impossible),
    closed: 'closed: send-wake-if-held',
    open: 'open:',
    fenced: 'fenced:',
    signalled: 'signalled: send-wake-if-held',
  },
  'link lost': {
    ...none(impossible),
    closed: 'closed:',
    open: 'open:',
    fenced: 'open: open-gate 3, announce',
    signalled: 'signalled:',
  },
  removed: {
    ...none(impossible),
    closed: 'closed: close-gate, close-target t1, close-target t2, change-table 5',
    open: 'closed: close-gate, close-target t1, close-target t2, change-table 5',
    fenced: 'closed: close-gate, close-target t1, close-target t2, change-table 5',
    signalled: 'closed: close-gate, close-target t1, close-target t2, change-table 5',
  },
};

const keysOf = <K extends string>(table: Readonly<Record<K, unknown>>): K[] => Object.keys(table) as K[];

describe('the table', () => {
  for (const event of keysOf(events)) {
    for (const phase of keysOf(phases)) {
      test(`${phase} meets ${event}`, () => {
        const gate: Gate = { phase: phases[phase], targets: [ready, starting], generation: 3, link: 'ready' };
        expect(outcome(gate, events[event])).toBe(expected[event][phase]);
      });
    }
  }
});

describe('a gate', () => {
  test('is told to the control plane by its phase', () => {
    const reports = keysOf(phases).map((kind) => gateReport({ ...newGate, phase: phases[kind] }));
    expect(reports).toEqual(['closed', 'open', 'open', 'fenced', 'fenced', 'signalled']);
  });

  test('sends no wake to an owner that is away or has not said what it wants', () => {
    for (const link of ['down', 'unsettled'] as const) {
      expect(outcome({ ...newGate, link }, { kind: 'wake' })).toBe('closed:');
    }
  });

  test('is fenced only by an owner whose link is settled', () => {
    const gate: Gate = { ...newGate, phase: phases.open, targets: [ready] };
    for (const link of ['down', 'unsettled'] as const) {
      expect(outcome({ ...gate, link }, events.fence)).toBe('open: reply-fence refused');
    }
  });

  test('tells of an answer as soon as anybody listens', () => {
    const gate: Gate = { ...newGate, targets: [starting] };
    expect(outcome({ ...gate, link: 'unsettled' }, events['t2 answered'])).toContain('send-answered');
    expect(outcome(gate, events['t2 answered'])).not.toContain('send-answered');
  });

  test('does not open by itself when a fence without targets ends', () => {
    const gate: Gate = { ...newGate, phase: phases.fenced, targets: [starting], link: 'ready' };
    expect(outcome(gate, { kind: 'wake' })).toBe('closed: send-fence-lifted own');
  });

  test('restored opens only if it was open and somebody had answered', () => {
    const targets = [ready, starting];
    const opened = restoredGate({ targets, wasOpen: true, generation: 4 });
    expect(text(opened.gate, opened.effects)).toBe('open: open-target t1 4, open-gate 4, announce');
    const waits = restoredGate({ targets, wasOpen: false, generation: 4 });
    expect(text(waits.gate, waits.effects)).toBe('closed: open-target t1 4');
    const empty = restoredGate({ targets: [starting], wasOpen: true, generation: 4 });
    expect(text(empty.gate, empty.effects)).toBe('closed:');
  });
});

describe('whatever happens', () => {
  const target = fc.constantFrom('t1', 't2', 't3');
  const token = fc.constantFrom('a', 'b');
  const anyEvent: fc.Arbitrary<GateEvent> = fc.oneof(
    fc.record({
      kind: fc.constant('published' as const),
      targets: fc.uniqueArray(target),
      isSnapshot: fc.boolean(),
      generation: fc.constant(0),
    }),
    fc.record({
      kind: fc.constant('target-answered' as const),
      targetId: target,
      generation: fc.constant(0),
    }),
    fc.record({ kind: fc.constant('fence' as const), ends: fc.constantFrom(7, 8), token }),
    fc.record({ kind: fc.constantFrom('signalled' as const, 'lift' as const), token }),
    fc.record({
      kind: fc.constantFrom(
        'wake' as const,
        'link-made' as const,
        'link-ready' as const,
        'link-lost' as const,
      ),
    }),
    fc.constant<GateEvent>({ kind: 'wake-failed', failure }),
  );
  const reading = fc.record({
    inFlight: fc.constantFrom(0, 0, 1),
    held: fc.constantFrom(0, 0, 1),
    ends: fc.constantFrom(7, 8),
  });

  test('the cells agree with the gate, openings are announced, and a signalled gate waits for its owner', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyEvent, reading), { maxLength: 40 }), (moves) => {
        const cells = new Cells();
        let gate = newGate;
        for (const [event, readOnDemand] of moves) {
          gate = cells.run(gate, event, readOnDemand);
          cells.check(gate);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Carries effects out on plain memory, and says what must hold after each event. */
class Cells {
  gate = 0;
  table = { generation: 0, targets: [] as readonly GateTarget[] };
  readonly targets = new Map<string, number>();

  run(before: Gate, event: GateEvent, reading: { inFlight: number; held: number; ends: number }): Gate {
    const generation = this.table.generation + 1;
    const step = nextGate(before, 'generation' in event ? { ...event, generation } : event);
    const kinds = step.effects.map(({ kind }) => kind);
    const wasOpen = before.phase.kind === 'open';
    for (const effect of step.effects) this.#carryOut(effect, step.gate);
    if (kinds.includes('open-gate')) {
      expect(kinds.indexOf('announce')).toBeGreaterThan(kinds.indexOf('open-gate'));
      expect(kinds.indexOf('announce')).toBeGreaterThan(kinds.indexOf('change-table'));
    }
    if (event.kind === 'published' && event.isSnapshot && wasOpen) expect(step.gate.phase.kind).toBe('open');
    if (before.phase.kind === 'signalled' && step.gate.phase.kind === 'open') {
      expect(['published', 'lift']).toContain(event.kind);
    }
    if (event.kind === 'wake' && this.gate === 0 && before.link === 'ready')
      expect(kinds).toContain('send-wake');
    return kinds.includes('read-board')
      ? this.run(step.gate, { kind: 'board-read', reading }, reading)
      : step.gate;
  }

  check(gate: Gate): void {
    expect(this.gate).toBe(gate.phase.kind === 'open' ? gate.generation : 0);
    const open = [...this.targets].filter(([, cell]) => cell !== 0).map(([id]) => id);
    const readyIds = gate.targets.filter(({ state }) => state === 'ready').map(({ id }) => id);
    expect(open.sort()).toEqual(readyIds.sort());
    expect(this.table.targets).toEqual(gate.targets);
    if (gate.phase.kind === 'open') expect(readyIds).not.toEqual([]);
    if (gate.phase.kind === 'fenced') expect(gate.link).not.toBe('down');
  }

  #carryOut(effect: GateEffect, gate: Gate): void {
    if (effect.kind === 'close-gate') this.gate = 0;
    if (effect.kind === 'open-gate') this.gate = effect.generation;
    if (effect.kind === 'open-target') this.targets.set(effect.targetId, effect.generation);
    if (effect.kind === 'close-target') this.targets.set(effect.targetId, 0);
    if (effect.kind === 'change-table') this.table = { generation: effect.generation, targets: gate.targets };
  }
}

function outcome(gate: Gate, event: GateEvent): string {
  const isReading = gate.phase.kind === 'fencing' || gate.phase.kind === 'signalling';
  if (isReading !== (event.kind === 'board-read')) {
    expect(() => nextGate(gate, event)).toThrow('assertion failed');
    return impossible;
  }
  const step = nextGate(gate, event);
  return text(step.gate, step.effects);
}

function text(gate: Gate, effects: readonly GateEffect[]): string {
  return `${gate.phase.kind}: ${effects.map(effectText).join(', ')}`.trimEnd();
}

function effectText(effect: GateEffect): string {
  const words: (string | number)[] = [effect.kind];
  if ('targetId' in effect) words.push(effect.targetId);
  if ('generation' in effect) words.push(effect.generation);
  if ('token' in effect) words.push(effect.token);
  if ('result' in effect) words.push(typeof effect.result === 'string' ? effect.result : effect.result.token);
  return words.join(' ');
}
