/** What wakes a project and keeps it awake beside its own requests: other projects, its group, the calendar. */

/** `started`: its start call has returned. `ready`: it answers. */
export type DependencyCondition = 'started' | 'ready';

/** Another project that has to be there before this one is started, and as long as it runs. */
export interface Dependency {
  readonly project: string;
  readonly condition: DependencyCondition;
}

/** Moments of a calendar, and what they mean. */
export interface Schedule {
  /** Five fields. */
  readonly cron: string;
  /** IANA name; null: this machine's. */
  readonly timeZone: string | null;
  /** So long after each moment it does not sleep; null: it is woken at the moment, and sleeps as it always does. */
  readonly keepAwakeMs: number | null;
}

export interface KeepingSettings {
  readonly dependsOn: readonly Dependency[];
  /** Projects with the same one wake together and sleep together. */
  readonly group: string | null;
  readonly schedules: readonly Schedule[];
}

export const DEFAULT_KEEPING: KeepingSettings = { dependsOn: [], group: null, schedules: [] };

/** Why a project may not sleep although nobody uses it. */
export type Keep =
  | { readonly by: 'schedule'; readonly until: number }
  /** Projects that depend on it and are awake, or about to be. */
  | { readonly by: 'dependents'; readonly projects: readonly string[] }
  /** Members of its group that are in use. */
  | { readonly by: 'group'; readonly projects: readonly string[] };
