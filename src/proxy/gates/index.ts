/**
 * The gates' door: when requests of a service may pass, as a pure machine over the board.
 *
 * For each service keep one `Gate` (begin with `newGate` or `restoredGate`), and for each event do
 *
 *     const step = nextGate(gate, event);
 *     gate = step.gate;
 *     for (const effect of step.effects) carryOut(effect);
 *
 * without an `await` in between: effects are in an order that workers rely on. `read-board` means: read the row with
 * `board.totals(row, now)` and step again with `board-read` before any other event of this service.
 * `published`, `target-answered` and `removed` carry the generation that the route table will have next; it is used up
 * only if a `change-table` comes back (or if other settings changed: then the runner changes the table itself, before `announce`).
 *
 * What a worker owes: it says `wake` when a request is held while it held none for that service, after every
 * `announce` that leaves some held, and after it has reached a new daemon, for every service it holds requests of.
 */
export type {
  Gate,
  GateEffect,
  GateEvent,
  GatePhase,
  GateReading,
  GateStep,
  GateTarget,
  WakeFailure,
} from './gate-machine.ts';
export { newGate, nextGate, restoredGate } from './gate-machine.ts';
export { gateReport } from './gate-report.ts';
