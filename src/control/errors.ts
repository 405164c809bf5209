/** Every refusal of the control plane, in one place. */
import { LumaError } from '../base/errors.ts';
import type { Keep } from '../domain/keeping.ts';
import type { StartFailure } from '../domain/project-status.ts';
import type { Runtime } from '../runtimes/contract.ts';
import type { KnownActivity } from './projects/project-state.ts';

export const refusal = {
  notFound: (name: string) =>
    new LumaError('project_not_found', `there is no project ${name}`, { hint: 'GET /projects lists them' }),
  revisionNotFound: (name: string, wanted: number | null, known: readonly number[]) =>
    new LumaError(
      'revision_not_found',
      wanted === null
        ? `${name} has no earlier revision to go back to`
        : `${name} has no revision ${wanted} (any more)`,
      {
        hint: `kept are the last ten, and those that get traffic: ${known.join(', ')}`,
        details: { revisions: known },
      },
    ),
  registryNotFound: (host: string) =>
    new LumaError('registry_not_found', `no credentials are kept for the registry ${host}`, {
      hint: 'GET /registries lists those that are known',
      details: { host },
    }),
  hostnameTaken: (message: string, details: Readonly<Record<string, unknown>>) =>
    new LumaError('hostname_taken', message, { hint: 'choose another hostname', details }),
  busy: (name: string, { inFlight, held }: KnownActivity) =>
    new LumaError('project_busy', `${name} is in use and cannot sleep now`, {
      hint: 'try again when its requests have ended, or stop it',
      details: { in_flight: inFlight, held },
    }),
  keptAwake: (name: string, least: number) =>
    new LumaError('project_kept_awake', `${name} has min_instances ${least} and never sleeps`, {
      hint: 'set min_instances to 0, or stop it',
      details: { min_instances: least },
    }),
  /** Beside its own settings. */
  keptFor: (name: string, keeps: readonly Keep[]) =>
    new LumaError('project_kept_awake', `${name} is kept awake: ${keeps.map(keepText).join('; ')}`, {
      hint: 'see schedules, depends_on and group, or stop it',
      details: { kept_awake: keeps.map(keepText) },
    }),
  dependencyUnknown: (dependency: string, field: string) => {
    const message = `there is no project ${dependency} to depend on`;
    const hint = 'register it first; GET /projects lists those there are';
    return new LumaError('dependency_unknown', message, {
      hint,
      fields: [{ field, message, value: dependency }],
    });
  },
  dependencyCycle: (cycle: readonly string[]) => {
    const message = `projects would depend on each other in a circle: ${cycle.join(' → ')}`;
    const hint = 'leave one of these dependencies out; projects that only belong together can share a group';
    const fields = [{ field: 'depends_on', message }];
    return new LumaError('dependency_cycle', message, { hint, fields, details: { cycle } });
  },
  dependedOn: (name: string, dependents: readonly string[]) =>
    new LumaError(
      'project_depended_on',
      `${dependents.join(', ')} depend${dependents.length === 1 ? 's' : ''} on ${name}`,
      {
        hint: `take ${name} out of their depends_on first`,
        details: { dependents },
      },
    ),
  stopped: (name: string) =>
    new LumaError('project_stopped', `${name} is stopped`, {
      hint: `start it first: POST /projects/${name}/start`,
    }),
  wakeFailed: (name: string, failure: StartFailure) =>
    new LumaError(
      failure.code === 'runtime_unavailable' || failure.code === 'hostname_taken'
        ? failure.code
        : 'wake_failed',
      `${name} could not be woken: ${failure.message}`,
      { details: { code: failure.code, log_lines: failure.logLines } },
    ),
  wakeTimeout: (name: string, afterMs: number) =>
    new LumaError('wake_timeout', `${name} did not answer within ${afterMs / 1_000} s; the wake goes on`, {
      hint: `see GET /projects/${name}/events for how far it is`,
    }),
  sleepFailed: (name: string) =>
    new LumaError('sleep_failed', `${name} could not be put to sleep, and goes on`, {
      hint: 'see the log of luma server for what failed, and try again',
    }),
  shuttingDown: () =>
    new LumaError('shutting_down', 'Luma is shutting down', { hint: 'try again when it is back' }),
  proxyUnavailable: () =>
    new LumaError('proxy_unavailable', 'luma-proxy is not reached', {
      hint: 'check that it runs; awake projects go on meanwhile',
    }),
  runtimeUnknown: () =>
    new LumaError('runtime_unavailable', 'the container runtime has not answered yet', {
      hint: 'check that it runs; Luma keeps trying',
    }),
};

/** What the runtime cannot do, as one error that names every field. */
export function runtimeRefusal(problems: ReturnType<Runtime['check']>): LumaError | null {
  const [first] = problems;
  if (!first) return null;
  return new LumaError(first.code, first.message, { fields: problems });
}

export function keepText(keep: Keep): string {
  if (keep.by === 'schedule')
    return `a window of its schedules is open until ${new Date(keep.until).toISOString()}`;
  const names = keep.projects.join(', ');
  const isOne = keep.projects.length === 1;
  if (keep.by === 'dependents')
    return `${names} depend${isOne ? 's' : ''} on it and ${isOne ? 'is' : 'are'} awake`;
  return `${names} of its group ${isOne ? 'is' : 'are'} in use`;
}
