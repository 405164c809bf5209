/** One immutable version of what a project runs, and which of them get its requests. Pure. */
import type { ProjectSettings, RevisionSettings } from './project.ts';

export interface Revision {
  readonly project: string;
  /** 1, 2, 3 … within its project; never used again. */
  readonly number: number;
  readonly settings: RevisionSettings;
  /** By digest or id; null until its first instance is prepared, and where there is no image. */
  readonly pinnedImage: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
}

export interface TrafficShare {
  readonly revision: number;
  /** 1 to 100, or 0 with a tag; those of all shares make 100. */
  readonly percent: number;
  /** Reached as `tag---hostname` too, whatever the percentage. */
  readonly tag: string | null;
  /** It follows the project's revision: a deploy moves it on. */
  readonly isLatest: boolean;
  /** Its revision was seen to answer, or nobody asked for that. Until then its percentage is the lead's. */
  readonly isProved: boolean;
}

/** So many of the newest are kept for a rollback, beside those that get traffic. */
export const REVISIONS_KEPT = 10;

/** The part of a project's settings that its revision is. */
export function revisionSettingsOf(settings: ProjectSettings): RevisionSettings {
  const { image, command, entrypoint, workingDir, envVars, containerPort } = settings;
  const { healthCheck, probes, stopTimeoutMs } = settings;
  return {
    ...{ image, command, entrypoint, workingDir, envVars, containerPort },
    ...{ healthCheck, probes, stopTimeoutMs },
  };
}

export function allTo(revision: number): readonly TrafficShare[] {
  return [{ revision, percent: 100, tag: null, isLatest: true, isProved: true }];
}

/** Numbers that may be forgotten: neither among the newest, nor in use. */
export function revisionsToForget(known: readonly number[], used: readonly number[]): readonly number[] {
  const newest = known.toSorted((a, b) => b - a).slice(0, REVISIONS_KEPT);
  return known.filter((number) => !newest.includes(number) && !used.includes(number));
}
