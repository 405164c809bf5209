/** What people ask of one service, a project's own or a lane's: to wake, to sleep. Waits for the outcome; keeps nothing. */
import type { Clock } from '../../base/clock.ts';
import { refusal } from '../errors.ts';
import type { Outcome } from '../projects/project-effect.ts';
import type { ProjectState } from '../projects/project-state.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { HOLD_GRACE_MS } from '../routes/service-spec.ts';

type WakeOutcome = Extract<Outcome, { about: 'wake' }>;

/** Resolves with how long it took: 0 when it answered already. */
export async function wakeService(
  supervisor: ProjectSupervisor,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (supervisor.project.wanted === 'stopped') throw refusal.stopped(supervisor.name);
  const state = needLinked(supervisor);
  const current = state.instances.find((entry) => entry.id === state.current);
  const isAnswering = current?.state === 'running' && !current.halt && !state.sleep;
  if (isAnswering) return 0;
  const beganMs = clock.monotonic();
  const timeoutMs = supervisor.project.settings.wakeTimeoutMs + HOLD_GRACE_MS;
  const told = supervisor.waiters.wait('wake', { clock, timeoutMs, signal });
  supervisor.send({ kind: 'wake', by: 'person' });
  throwUnlessAnswered(supervisor, await told, timeoutMs);
  return clock.monotonic() - beganMs;
}

/** Resolves when nothing of it runs. */
export async function sleepService(supervisor: ProjectSupervisor): Promise<void> {
  const { name } = supervisor;
  needLinked(supervisor);
  const told = supervisor.waiters.wait('sleep');
  supervisor.send({ kind: 'sleep-asked' });
  const outcome = await told;
  if (!outcome) throw refusal.shuttingDown();
  const activity = supervisor.state?.activity ?? { inFlight: 0, held: 0, ends: 0 };
  if (outcome.result === 'busy') throw refusal.busy(name, activity);
  if (outcome.result === 'unavailable') throw refusal.proxyUnavailable();
  if (outcome.result === 'failed') throw refusal.sleepFailed(name);
}

/** Its state, which the proxy has heard of. */
export function needLinked(supervisor: ProjectSupervisor): ProjectState {
  if (!supervisor.state) throw refusal.runtimeUnknown();
  if (!supervisor.state.linked) throw refusal.proxyUnavailable();
  return supervisor.state;
}

function throwUnlessAnswered(
  supervisor: ProjectSupervisor,
  outcome: WakeOutcome | null,
  timeoutMs: number,
): void {
  const { name } = supervisor;
  if (!outcome) throw supervisor.isClosed ? refusal.shuttingDown() : refusal.wakeTimeout(name, timeoutMs);
  if (outcome.result === 'failed') throw refusal.wakeFailed(name, outcome.failure);
  if (outcome.result === 'stopped') throw refusal.stopped(name);
  if (outcome.result === 'deleted') throw refusal.notFound(name);
  if (outcome.result === 'closing') throw refusal.shuttingDown();
}
