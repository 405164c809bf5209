/** The gate as the control plane is told of it when a link is made. */
import type { GateState } from '../client/contract.ts';
import type { Gate } from './gate-machine.ts';

export function gateReport(gate: Gate): GateState {
  const { kind } = gate.phase;
  if (kind === 'fencing') return 'open';
  return kind === 'signalling' ? 'fenced' : kind;
}
