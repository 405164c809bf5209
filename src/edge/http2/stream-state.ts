/** The life of an HTTP/2 stream as data (RFC 9113 §5.1), without pushes. The runner is stream.ts. */

export type StreamState = 'idle' | 'open' | 'half-closed-local' | 'half-closed-remote' | 'closed';

/** `sent-end`: our END_STREAM has left; `got-end`: the peer's has come; `reset`: RST_STREAM, either way. */
export type StreamEvent = 'opened' | 'sent-end' | 'got-end' | 'reset';

export const STREAM_STATES: readonly StreamState[] = [
  'idle',
  'open',
  'half-closed-local',
  'half-closed-remote',
  'closed',
];

export const STREAM_EVENTS: readonly StreamEvent[] = ['opened', 'sent-end', 'got-end', 'reset'];

const TRANSITIONS: Readonly<Record<StreamState, Readonly<Partial<Record<StreamEvent, StreamState>>>>> = {
  idle: { opened: 'open' },
  open: { 'sent-end': 'half-closed-local', 'got-end': 'half-closed-remote', reset: 'closed' },
  'half-closed-local': { 'got-end': 'closed', reset: 'closed' },
  'half-closed-remote': { 'sent-end': 'closed', reset: 'closed' },
  closed: {},
};

/** Null: that cannot happen there. */
export function nextStreamState(state: StreamState, event: StreamEvent): StreamState | null {
  return TRANSITIONS[state][event] ?? null;
}

/** The peer may still send DATA and HEADERS. */
export function mayReceive(state: StreamState): boolean {
  return state === 'open' || state === 'half-closed-local';
}

export function maySend(state: StreamState): boolean {
  return state === 'open' || state === 'half-closed-remote';
}
