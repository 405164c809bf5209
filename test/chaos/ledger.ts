/**
 * What happened to every request of a chaos run, and what was done to Luma meanwhile. A request that broke is excused
 * only by something that was done while it ran, to the very instance or to a worker; everything else is lost.
 */

export type RequestKind = 'short' | 'long' | 'upload' | 'sse' | 'websocket';

export interface Attempt {
  readonly project: string;
  readonly kind: RequestKind;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Null: answered as it should be. */
  readonly failure: Failure | null;
}

export interface Failure {
  /** Null: no answer, or not all of it. */
  readonly status: number | null;
  readonly what: string;
}

/** Done to Luma, its instances or the engine. */
export interface Calamity {
  readonly what: string;
  /** A project or process; null: all of it. */
  readonly to: string | null;
  readonly startedAt: number;
  /** By when the harm was done: exchanges that ran between the start and then may have died of it. */
  readonly killedAt: number;
  /** Whose exchanges it may have killed: those of one project, of all (a worker), or nobody's. */
  readonly kills: { readonly project: string } | 'any' | 'none';
  /** Nothing could be woken while it lasted. */
  readonly isOutage?: boolean;
}

export interface Loss {
  readonly attempt: Attempt;
  /** Null: it should not have been lost. */
  readonly cause: Calamity | null;
}

/** How long after the kill its victims hear of it, milliseconds: the FIN of a killed process is sent at once, load delays it. */
const HEARD_WITHIN_MS = 2_000;

/** Longer than any wake that works, also behind an engine that has just come back, milliseconds. */
const SLOW_MS = 10_000;

/** What was done so long before may have to do with a loss. */
const BEFORE_MS = 4_000;

export class Ledger {
  readonly attempts: Attempt[] = [];
  readonly calamities: Calamity[] = [];

  record(attempt: Attempt): void {
    this.attempts.push(attempt);
  }

  done(calamity: Calamity): void {
    this.calamities.push(calamity);
  }

  losses(): readonly Loss[] {
    return this.attempts
      .filter(({ failure }) => failure !== null)
      .map((attempt) => ({ attempt, cause: this.calamities.find((each) => killed(each, attempt)) ?? null }));
  }

  /** Waited although the engine was there: its answer counts for nothing then. */
  slow(): readonly Attempt[] {
    return this.attempts.filter(({ startedAt, endedAt }) => {
      const outages = this.calamities.filter((each) => each.isOutage && each.startedAt <= endedAt);
      const waitsSince = Math.max(startedAt, ...outages.map(({ killedAt }) => killedAt));
      return endedAt - waitsSince > SLOW_MS;
    });
  }

  /** For people: counts, then every loss and everything slow by name. */
  text(): string {
    const losses = this.losses();
    const unexcused = losses.filter(({ cause }) => cause === null);
    const serverErrors = new Map<string, number>();
    for (const { attempt } of losses) {
      const { failure } = attempt;
      if (failure?.status == null || failure.status < 500) continue;
      const key = `${failure.status} ${failure.what}`;
      serverErrors.set(key, (serverErrors.get(key) ?? 0) + 1);
    }
    return [
      `requests ${this.attempts.length}: ${this.#counted(this.attempts.map(({ kind }) => kind))}`,
      `done to it ${this.calamities.length}: ${this.#counted(this.calamities.map(({ what }) => what))}`,
      `died inside what was killed: ${losses.length - unexcused.length}`,
      ...losses.filter(({ cause }) => cause !== null).map((loss) => `  ${lossText(loss)}`),
      `5xx: ${serverErrors.size === 0 ? 'none' : [...serverErrors].map(([key, n]) => `${n} x ${key}`).join('; ')}`,
      `lost: ${unexcused.length}`,
      ...unexcused.flatMap((loss) => [`  ${lossText(loss)}`, ...this.#before(loss.attempt)]),
      `slow: ${this.slow().length}`,
      ...this.slow().flatMap((attempt) => [`  ${attemptText(attempt)}`, ...this.#before(attempt)]),
    ].join('\n');
  }

  /** What was done to Luma while it ran, and shortly before. */
  #before({ startedAt, endedAt }: Attempt): string[] {
    const near = this.calamities.filter(
      (each) => each.killedAt >= startedAt - BEFORE_MS && each.startedAt <= endedAt,
    );
    return near.map(({ what, to, startedAt: from, killedAt }) => {
      const when = `${Math.round(from)} to ${Math.round(killedAt)} ms`;
      return `    ${what}${to === null ? '' : ` of ${to}`}, ${when}`;
    });
  }

  #counted(names: readonly string[]): string {
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].map(([name, n]) => `${n} ${name}`).join(', ');
  }
}

/** It ran when the harm was done, on what was harmed, and broke because of it: not long after. */
function killed(
  { kills, startedAt: from, killedAt }: Calamity,
  { project, startedAt, endedAt }: Attempt,
): boolean {
  if (kills === 'none') return false;
  const isItsOwn = kills === 'any' || kills.project === project;
  return isItsOwn && startedAt <= killedAt && endedAt >= from && endedAt <= killedAt + HEARD_WITHIN_MS;
}

function lossText({ attempt, cause }: Loss): string {
  const { failure } = attempt;
  const why = cause === null ? '' : ` (${cause.what} at ${Math.round(cause.killedAt)} ms)`;
  return `${attemptText(attempt)}: ${failure?.status ?? 'no answer'} ${failure?.what}${why}`;
}

function attemptText({ project, kind, startedAt, endedAt }: Attempt): string {
  return `${kind} to ${project} from ${Math.round(startedAt)} to ${Math.round(endedAt)} ms`;
}
