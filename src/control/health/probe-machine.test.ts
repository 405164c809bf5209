import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { nextProbe, type ProbeEffect, type ProbeEvent, type ProbeState } from './probe-machine.ts';

const thresholds = { failureThreshold: 3, successThreshold: 2 };
const well = { isWell: true, against: 0 };
const doubted = { isWell: true, against: 2 };
const unwell = { isWell: false, against: 1 };

const off: ProbeState = { phase: 'off' };
const states: readonly ProbeState[] = [
  off,
  { phase: 'paused', ...well },
  { phase: 'waiting', ...doubted },
  { phase: 'asking', ...well },
  { phase: 'asking', ...doubted },
  { phase: 'asking', ...unwell },
];
const events: readonly ProbeEvent[] = [
  { kind: 'begin', isWell: true },
  { kind: 'begin', isWell: false },
  { kind: 'pause' },
  { kind: 'resume' },
  { kind: 'due' },
  { kind: 'passed' },
  { kind: 'failed' },
  { kind: 'end' },
];

/** The whole table once more: what is not here changes nothing. */
const drawn: Readonly<Record<string, readonly [ProbeState, ...string[]]>> = {
  'off + begin well': [{ phase: 'waiting', isWell: true, against: 0 }, 'arm first'],
  'off + begin unwell': [{ phase: 'waiting', isWell: false, against: 0 }, 'arm first'],
  'paused well 0 + resume': [{ phase: 'waiting', ...well }, 'arm'],
  'paused well 0 + end': [off, 'hush'],
  'waiting well 2 + pause': [{ phase: 'paused', ...doubted }, 'hush'],
  'waiting well 2 + due': [{ phase: 'asking', ...doubted }, 'ask'],
  'waiting well 2 + end': [off, 'hush'],
  'asking well 0 + pause': [{ phase: 'paused', ...well }, 'hush'],
  'asking well 0 + passed': [{ phase: 'waiting', ...well }, 'arm'],
  'asking well 0 + failed': [{ phase: 'waiting', isWell: true, against: 1 }, 'arm'],
  'asking well 0 + end': [off, 'hush'],
  'asking well 2 + pause': [{ phase: 'paused', ...doubted }, 'hush'],
  'asking well 2 + passed': [{ phase: 'waiting', ...well }, 'arm'],
  'asking well 2 + failed': [{ phase: 'waiting', isWell: false, against: 0 }, 'judge unwell', 'arm'],
  'asking well 2 + end': [off, 'hush'],
  'asking unwell 1 + pause': [{ phase: 'paused', ...unwell }, 'hush'],
  'asking unwell 1 + passed': [{ phase: 'waiting', ...well }, 'judge well', 'arm'],
  'asking unwell 1 + failed': [{ phase: 'waiting', isWell: false, against: 0 }, 'judge unwell', 'arm'],
  'asking unwell 1 + end': [off, 'hush'],
};

function nameOf(state: ProbeState): string {
  return state.phase === 'off' ? 'off' : `${state.phase} ${verdict(state.isWell)} ${state.against}`;
}

function verdict(isWell: boolean): string {
  return isWell ? 'well' : 'unwell';
}

function eventName(event: ProbeEvent): string {
  return event.kind === 'begin' ? `begin ${verdict(event.isWell)}` : event.kind;
}

function effectName(effect: ProbeEffect): string {
  if (effect.kind === 'judge') return `judge ${verdict(effect.isWell)}`;
  return effect.kind === 'arm' && effect.first ? 'arm first' : effect.kind;
}

describe('every state meets every event', () => {
  for (const state of states) {
    for (const event of events) {
      const name = `${nameOf(state)} + ${eventName(event)}`;
      const [to, ...effects] = drawn[name] ?? [state];
      test(`${name}: ${nameOf(to)}${effects.length > 0 ? `, ${effects.join(', ')}` : ''}`, () => {
        const step = nextProbe(state, event, thresholds);
        expect([step.state, step.effects.map(effectName)]).toEqual([to, effects]);
      });
    }
  }
});

const anyEvent = fc.constantFrom(...events);
const anyThresholds = fc.record({
  failureThreshold: fc.integer({ min: 1, max: 5 }),
  successThreshold: fc.integer({ min: 1, max: 5 }),
});

test('whatever happens: it is judged well or unwell only after so many answers in a row that say so', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 80 }), anyThresholds, (history, limits) => {
      let state: ProbeState = off;
      let inARow: boolean[] = [];
      for (const event of history) {
        const isAnswer = event.kind === 'passed' || event.kind === 'failed';
        const before = state;
        const step = nextProbe(state, event, limits);
        state = step.state;
        if (event.kind === 'begin' && before.phase === 'off') inARow = [];
        if (isAnswer && before.phase === 'asking') inARow.push(event.kind === 'passed');
        const wasWell = before.phase !== 'off' && before.isWell;
        for (const effect of step.effects) {
          if (effect.kind !== 'judge' || effect.isWell === wasWell) continue;
          const needed = effect.isWell ? limits.successThreshold : limits.failureThreshold;
          const last = inARow.slice(-needed);
          expect(last.length).toBe(needed);
          expect(last.every((each) => each === effect.isWell)).toBe(true);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test('whatever happens: it waits exactly while its timer runs, and asks exactly while an attempt is under way', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 80 }), anyThresholds, (history, limits) => {
      let state: ProbeState = off;
      let isArmed = false;
      let isAsking = false;
      for (const event of history) {
        // Who carries it out sends these only when they happen.
        if (event.kind === 'due' && !isArmed) continue;
        if ((event.kind === 'passed' || event.kind === 'failed') && !isAsking) continue;
        if (event.kind === 'due') isArmed = false;
        if (event.kind === 'passed' || event.kind === 'failed') isAsking = false;
        const step = nextProbe(state, event, limits);
        state = step.state;
        for (const effect of step.effects) {
          if (effect.kind === 'arm') isArmed = true;
          if (effect.kind === 'ask') isAsking = true;
          if (effect.kind === 'hush') isArmed = isAsking = false;
        }
        expect([isArmed, isAsking]).toEqual([state.phase === 'waiting', state.phase === 'asking']);
      }
    }),
    { numRuns: 2_000 },
  );
});
