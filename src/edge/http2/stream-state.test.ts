import { expect, test } from 'bun:test';
import { mayReceive, maySend, nextStreamState, STREAM_EVENTS, STREAM_STATES } from './stream-state.ts';

/** RFC 9113 §5.1, figure 2, without pushes. */
const LEGAL: Readonly<Record<string, string>> = {
  'idle opened': 'open',
  'open sent-end': 'half-closed-local',
  'open got-end': 'half-closed-remote',
  'open reset': 'closed',
  'half-closed-local got-end': 'closed',
  'half-closed-local reset': 'closed',
  'half-closed-remote sent-end': 'closed',
  'half-closed-remote reset': 'closed',
};

test('every pair of state and event is as the standard draws it', () => {
  for (const state of STREAM_STATES) {
    for (const event of STREAM_EVENTS)
      expect([state, event, nextStreamState(state, event)]).toEqual([
        state,
        event,
        (LEGAL[`${state} ${event}`] ?? null) as ReturnType<typeof nextStreamState>,
      ]);
  }
});

test('who has said its end says nothing more', () => {
  expect(STREAM_STATES.filter(maySend)).toEqual(['open', 'half-closed-remote']);
  expect(STREAM_STATES.filter(mayReceive)).toEqual(['open', 'half-closed-local']);
});
