/**
 * The edge's door for a process that leads edges without being one: what it must know of them. It loads no data plane,
 * so that the daemon, which has worker processes for that, does not carry one about.
 */
export { type ConnectionBudget, connectionBudget } from './connection-budget.ts';
export type { EdgeSettings } from './edge-settings.ts';
export { DURATION_BOUNDS } from './exchange/service-counts.ts';
export { EDGE_LIMITS } from './limits.ts';
export { probeTarget } from './upstream/target-probe.ts';
