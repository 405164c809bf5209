/**
 * The life of one request as data: where it is, what may happen there, and how the board counts it meanwhile.
 * The runner is exchange.ts; it holds no other notion of state.
 */

export type ExchangePhase =
  /** Read and routed, counted nowhere. */
  | 'arrived'
  /** Its body is gathered before its target hears of it. */
  | 'gathering'
  /** Waits for the gate of its service. */
  | 'held'
  /** Past the gate: on its way to a target. */
  | 'connecting'
  /** Its head is with the target. */
  | 'awaiting'
  /** The answer's head is with the client. */
  | 'answering'
  /** The target has said its answer whole and is free; the client is still taking it. */
  | 'delivering'
  /** Upgraded: opaque bytes both ways. */
  | 'tunnel'
  /** Its targets refused, and it pauses, or its lane is gone: it begins again at the gate. */
  | 'retrying'
  | 'ended';

export type ExchangeEvent =
  | 'gathers'
  | 'gated'
  | 'admitted'
  | 'connected'
  | 'refused'
  | 'returned'
  | 'stale'
  | 'answered'
  | 'buffered'
  | 'upgraded'
  | 'ended';

export const EXCHANGE_PHASES: readonly ExchangePhase[] = [
  'arrived',
  'gathering',
  'held',
  'connecting',
  'awaiting',
  'answering',
  'delivering',
  'tunnel',
  'retrying',
  'ended',
];

export const EXCHANGE_EVENTS: readonly ExchangeEvent[] = [
  'gathers',
  'gated',
  'admitted',
  'connected',
  'refused',
  'returned',
  'stale',
  'answered',
  'buffered',
  'upgraded',
  'ended',
];

type Row = Readonly<Partial<Record<ExchangeEvent, ExchangePhase>>>;

const TRANSITIONS: Readonly<Record<ExchangePhase, Row>> = {
  arrived: { gathers: 'gathering', gated: 'held', admitted: 'connecting', ended: 'ended' },
  gathering: { gated: 'held', admitted: 'connecting', ended: 'ended' },
  held: { admitted: 'connecting', returned: 'retrying', ended: 'ended' },
  connecting: { connected: 'awaiting', refused: 'retrying', ended: 'ended' },
  awaiting: { stale: 'connecting', answered: 'answering', upgraded: 'tunnel', ended: 'ended' },
  answering: { buffered: 'delivering', ended: 'ended' },
  delivering: { ended: 'ended' },
  tunnel: { ended: 'ended' },
  retrying: { gated: 'held', admitted: 'connecting', ended: 'ended' },
  ended: {},
};

/** Null: that cannot happen there. */
export function nextPhase(phase: ExchangePhase, event: ExchangeEvent): ExchangePhase | null {
  return TRANSITIONS[phase][event] ?? null;
}

/** What the board must say of an exchange in this phase. */
export function countedAs(phase: ExchangePhase): 'nothing' | 'held' | 'in-flight' {
  switch (phase) {
    case 'held':
      return 'held';
    case 'connecting':
    case 'awaiting':
    case 'answering':
    case 'tunnel':
      return 'in-flight';
    default:
      return 'nothing';
  }
}
