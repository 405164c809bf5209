/**
 * One probe of one instance, as data: a pure function from a state and an event to the next state and what is to be done.
 * What does not fit (an answer that comes too late) changes nothing.
 */

export type ProbeState =
  /** The instance does not serve. */
  | { readonly phase: 'off' }
  /** It may go to sleep at any moment: nobody asks. What was counted is kept. */
  | ({ readonly phase: 'paused' } & Tally)
  | ({ readonly phase: 'waiting' } & Tally)
  /** An attempt is under way. */
  | ({ readonly phase: 'asking' } & Tally);

export interface Tally {
  readonly isWell: boolean;
  /** In a row, against the verdict: failures of a well one, successes of one that is not. */
  readonly against: number;
}

export type ProbeEvent =
  /** It serves from now on. `isWell`: what was last known of it. */
  | { readonly kind: 'begin'; readonly isWell: boolean }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'due' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' }
  /** It does not serve any more. */
  | { readonly kind: 'end' };

export type ProbeEffect =
  /** `first`: after the initial delay, else after the rest of the period. */
  | { readonly kind: 'arm'; readonly first: boolean }
  | { readonly kind: 'ask' }
  /** No timer, no attempt. */
  | { readonly kind: 'hush' }
  /** Told again with every further failure of one that is not well: who heard it may not have been able to act. */
  | { readonly kind: 'judge'; readonly isWell: boolean };

export interface Thresholds {
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export interface ProbeStep {
  readonly state: ProbeState;
  readonly effects: readonly ProbeEffect[];
}

const HUSH: ProbeEffect = { kind: 'hush' };
const ARM: ProbeEffect = { kind: 'arm', first: false };

export function nextProbe(state: ProbeState, event: ProbeEvent, thresholds: Thresholds): ProbeStep {
  if (event.kind === 'end') return { state: { phase: 'off' }, effects: state.phase === 'off' ? [] : [HUSH] };
  if (event.kind === 'begin') {
    if (state.phase !== 'off') return { state, effects: [] };
    const fresh: ProbeState = { phase: 'waiting', isWell: event.isWell, against: 0 };
    return { state: fresh, effects: [{ kind: 'arm', first: true }] };
  }
  switch (state.phase) {
    case 'off':
      return { state, effects: [] };
    case 'paused':
      return event.kind === 'resume'
        ? { state: { ...state, phase: 'waiting' }, effects: [ARM] }
        : { state, effects: [] };
    case 'waiting':
      if (event.kind === 'pause') return { state: { ...state, phase: 'paused' }, effects: [HUSH] };
      return event.kind === 'due'
        ? { state: { ...state, phase: 'asking' }, effects: [{ kind: 'ask' }] }
        : { state, effects: [] };
    case 'asking':
      if (event.kind === 'pause') return { state: { ...state, phase: 'paused' }, effects: [HUSH] };
      if (event.kind !== 'passed' && event.kind !== 'failed') return { state, effects: [] };
      return counted(state, event.kind === 'passed', thresholds);
  }
}

/** Example: threshold 3, failed, failed, passed, failed, failed, failed: only the last one judges. */
function counted({ isWell, against }: Tally, hasPassed: boolean, thresholds: Thresholds): ProbeStep {
  if (hasPassed === isWell) {
    const effects: ProbeEffect[] = hasPassed ? [ARM] : [{ kind: 'judge', isWell: false }, ARM];
    return { state: { phase: 'waiting', isWell, against: 0 }, effects };
  }
  const enough = isWell ? thresholds.failureThreshold : thresholds.successThreshold;
  if (against + 1 < enough) {
    return { state: { phase: 'waiting', isWell, against: against + 1 }, effects: [ARM] };
  }
  return {
    state: { phase: 'waiting', isWell: !isWell, against: 0 },
    effects: [{ kind: 'judge', isWell: !isWell }, ARM],
  };
}
