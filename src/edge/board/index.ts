/** The board's door: counters and gates shared by the daemon and its workers. */
export type { AdmissionPhase, EndingPhase, TargetEntryPhase } from './admission.ts';
export { Admission, admissionStep, Ending, endingStep, TargetEntry, targetEntryStep } from './admission.ts';
export type { RowTotals } from './board.ts';
export { Board } from './board.ts';
export { BoardColumn } from './board-column.ts';
export type { Cells, RowAddresses } from './cells.ts';
export { machineNowMs } from './machine-clock.ts';
export type { RowReading } from './reading.ts';
export { beginReading, readingStep } from './reading.ts';
export { RowAllocator } from './row-allocator.ts';
export type { SlotEntry, SlotPlace, TurnBackPhase } from './slot-entry.ts';
export { beginSlotEntry, slotEntryStep, TurnBack, turnBackStep } from './slot-entry.ts';
