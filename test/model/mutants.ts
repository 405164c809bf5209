/** The protocol with one thing done wrong at a time: each must have a counterexample, or the model proves nothing. */
import { Admission, Ending, TargetEntry } from '../../src/edge/board/index.ts';
import type { GateEffect, GateStep } from '../../src/proxy/gates/index.ts';
import type { Protocol } from './protocol.ts';
import { protocol } from './protocol.ts';
import { forgetfulRule } from './wake-rule.ts';

/** Offsets in a row; the board keeps them to itself. */
const IN_FLIGHT = 0;
const HELD = 1;
const ENDS = 2;

function withoutEffect(kind: GateEffect['kind']): Protocol {
  return {
    ...protocol,
    nextGate: (gate, event): GateStep => {
      const step = protocol.nextGate(gate, event);
      return { ...step, effects: step.effects.filter((effect) => effect.kind !== kind) };
    },
  };
}

/** Looks first and counts itself afterwards, as anybody would write it. */
const lookBeforeAdd: Protocol = {
  ...protocol,
  admissionStep: (phase, cells, gate, row, generation) => {
    const mayPass = (): boolean => cells.load(gate) !== 0 && generation >= cells.load(gate);
    switch (phase) {
      case Admission.add:
        return mayPass() ? Admission.look : Admission.countHeld;
      case Admission.look:
        cells.add(row + IN_FLIGHT, 1);
        return Admission.passed;
      case Admission.countHeld:
        cells.add(row + HELD, 1);
        return Admission.held;
      case Admission.addAgain:
        return mayPass() ? Admission.lookAgain : Admission.held;
      case Admission.lookAgain:
        cells.add(row + IN_FLIGHT, 1);
        return Admission.giveUpHeld;
      default:
        return protocol.admissionStep(phase, cells, gate, row, generation);
    }
  },
};

/** A quiet request is counted only when it has seen the gate open. */
const quietLooksBeforeItAdds: Protocol = {
  ...protocol,
  quietEntryStep: (phase, cells, gate, row) => {
    if (phase === TargetEntry.add) return cells.load(gate) === 0 ? TargetEntry.refused : TargetEntry.look;
    cells.add(row + IN_FLIGHT, 1);
    return TargetEntry.entered;
  },
};

/** Takes no notice of the generation that a gate asks for. */
const passesWithAnyTable: Protocol = {
  ...protocol,
  admissionStep: (phase, cells, gate, row) =>
    protocol.admissionStep(phase, cells, gate, row, cells.load(gate)),
};

const ignoresEnds: Protocol = {
  ...protocol,
  nextGate: (gate, event) => {
    const { phase } = gate;
    if (event.kind !== 'board-read' || phase.kind !== 'fencing') return protocol.nextGate(gate, event);
    return protocol.nextGate(gate, { ...event, reading: { ...event.reading, ends: phase.ends } });
  },
};

const ignoresInFlight: Protocol = {
  ...protocol,
  nextGate: (gate, event) => {
    if (event.kind !== 'board-read') return protocol.nextGate(gate, event);
    return protocol.nextGate(gate, { ...event, reading: { ...event.reading, inFlight: 0 } });
  },
};

const readsEndsFirst: Protocol = {
  ...protocol,
  readingStep: (reading, cells, layout, row) => {
    const at = layout.rowCell(row, reading.column);
    if (reading.part === 'in-flight') reading.ends += cells.load(at + ENDS);
    if (reading.part === 'held') reading.inFlight += cells.load(at + IN_FLIGHT);
    if (reading.part === 'ends') reading.held += cells.load(at + HELD);
    reading.column += 1;
    if (reading.column < layout.columns) return;
    const parts = ['in-flight', 'held', 'ends', 'ended-at', 'done'] as const;
    reading.part = parts[parts.indexOf(reading.part) + 1] ?? 'done';
    reading.column = 0;
  },
};

/** Reads the board before the gate is closed. */
const readsBeforeClosing: Protocol = {
  ...protocol,
  nextGate: (gate, event) => {
    const step = protocol.nextGate(gate, event);
    if (event.kind === 'fence' && step.gate.phase.kind === 'fencing') {
      return { ...step, effects: [{ kind: 'read-board' }] };
    }
    if (event.kind === 'board-read' && step.gate.phase.kind === 'fenced') {
      return { ...step, effects: [{ kind: 'close-gate' }, ...step.effects] };
    }
    return step;
  },
};

const lowersBeforeRaising: Protocol = {
  ...protocol,
  endingStep: (phase, cells, row, nowMs) => {
    if (phase === Ending.raise) cells.add(row + IN_FLIGHT, -1);
    else if (phase === Ending.lower) cells.add(row + ENDS, 1);
    else return protocol.endingStep(phase, cells, row, nowMs);
    return phase === Ending.raise ? Ending.lower : Ending.ended;
  },
};

/** Says yes to the token of a fence that a request has lifted, and does not tell of the lifting. */
const acceptsStaleTokens: Protocol = {
  ...protocol,
  nextGate: (gate, event) => {
    const step = protocol.nextGate(gate, event);
    const effects = step.effects
      .filter(({ kind }) => kind !== 'send-fence-lifted')
      .map((effect): GateEffect => {
        return effect.kind === 'reply-signalled' ? { kind: 'reply-signalled', result: 'accepted' } : effect;
      });
    return { ...step, effects };
  },
};

/** Opens for a wake also when the instance may have been stopped already. */
const wakeOpensSignalled: Protocol = {
  ...protocol,
  nextGate: (gate, event) => {
    const { phase } = gate;
    if (event.kind !== 'wake' || phase.kind !== 'signalled') return protocol.nextGate(gate, event);
    return protocol.nextGate({ ...gate, phase: { kind: 'fenced', token: phase.token } }, event);
  },
};

/** The control plane stops as soon as it is fenced. */
const skipsSecondPhase: Protocol = {
  ...protocol,
  nextProject: (state, input) => {
    const step = protocol.nextProject(state, input);
    const signal = step.effects.find((effect) => effect.kind === 'signal');
    if (signal?.kind !== 'signal') return step;
    const signalled = protocol.nextProject(step.state, { kind: 'signal-accepted', token: signal.token });
    const others = step.effects.filter((effect) => effect !== signal);
    return { ...signalled, effects: [...others, ...signalled.effects] };
  },
};

/** What is too much is stopped although exchanges run on it. */
const doesNotDrain: Protocol = {
  ...protocol,
  nextProject: (state, input) => {
    const step = protocol.nextProject(state, input);
    const drain = step.effects.find((effect) => effect.kind === 'drain');
    if (drain?.kind !== 'drain') return step;
    const drained = protocol.nextProject(step.state, { kind: 'drained', id: drain.id });
    const others = step.effects.filter((effect) => effect !== drain);
    return { ...drained, effects: [...others, ...drained.effects] };
  },
};

/** Takes no notice of an instance that it waits for and that lies suspended. */
const leavesFrozen: Protocol = {
  ...protocol,
  nextProject: (state, input) => {
    const isStarting = (id: string): boolean =>
      state.instances.some((entry) => entry.id === id && entry.state === 'starting');
    if (input.kind === 'found' && isStarting(input.id)) return { state, effects: [] };
    return protocol.nextProject(state, input);
  },
};

export interface Mutant {
  readonly says: string;
  readonly protocol: Protocol;
  readonly finds: string;
  readonly budget?: Readonly<Record<string, number>>;
}

export const mutants: readonly Mutant[] = [
  { says: 'a worker looks before it adds', protocol: lookBeforeAdd, finds: 'busy service' },
  {
    says: 'a quiet request looks before it adds',
    protocol: quietLooksBeforeItAdds,
    finds: 'busy|quiet request is sent',
    budget: { requests: 1, quiets: 1 },
  },
  { says: 'a fence does not check the ends', protocol: ignoresEnds, finds: 'has ended since' },
  { says: 'a fence does not check what is in flight', protocol: ignoresInFlight, finds: 'busy' },
  { says: 'a fence reads the ends before the in-flight', protocol: readsEndsFirst, finds: 'has ended since' },
  { says: 'a fence reads before it closes', protocol: readsBeforeClosing, finds: 'busy' },
  {
    says: 'in flight is lowered before the end is raised',
    protocol: lowersBeforeRaising,
    finds: 'has ended since',
  },
  { says: 'openings are not announced', protocol: withoutEffect('announce'), finds: 'held for ever' },
  {
    says: 'a wake is not raised again after a reconnect',
    protocol: withoutEffect('send-wake-if-held'),
    finds: 'held for ever',
    budget: { linkBreaks: 1, sleeps: 0 },
  },
  { says: 'a wake is not passed on', protocol: withoutEffect('send-wake'), finds: 'held for ever' },
  {
    says: 'a worker remembers a wake whose holder has left',
    protocol: { ...protocol, wakeRule: forgetfulRule },
    finds: 'held for ever',
    budget: { linkBreaks: 1, clientsGone: 1, sleeps: 0 },
  },
  { says: 'a stale token is accepted', protocol: acceptsStaleTokens, finds: 'an instance that is|busy' },
  { says: 'a wake opens a signalled gate', protocol: wakeOpensSignalled, finds: 'an instance that is|busy' },
  { says: 'the second phase is left out', protocol: skipsSecondPhase, finds: 'an instance that is|busy' },
  { says: 'a worker passes with any table', protocol: passesWithAnyTable, finds: 'for ever' },
  {
    says: 'the second phase is left out before a freeze',
    protocol: skipsSecondPhase,
    finds: 'an instance that is|suspended',
    budget: { sleeps: 0, freezes: 1 },
  },
  {
    says: 'an instance that a late freeze has suspended is left so',
    protocol: leavesFrozen,
    finds: 'for ever',
    budget: { requests: 1, sleeps: 0, freezes: 1, controlDeaths: 1 },
  },
  {
    says: 'a surplus instance is not drained',
    protocol: doesNotDrain,
    finds: 'an instance that is|busy',
    budget: { sleeps: 0, scalings: 2 },
  },
  {
    says: 'the gate of a surplus instance stays open',
    protocol: withoutEffect('close-target'),
    finds: 'an instance that is',
    budget: { sleeps: 0, scalings: 2 },
  },
];
