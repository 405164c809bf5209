/** What each revision runs, of those that a service may have instances of. Owned by what the service knows of its instances. */
import type { Project, RevisionSettings } from '../../domain/project.ts';
import { revisionSettingsOf } from '../../domain/revision.ts';

export class KnownRevisions {
  readonly #settings = new Map<number, RevisionSettings>();

  learn(number: number, settings: RevisionSettings): void {
    this.#settings.set(number, settings);
  }

  /** The project becomes another; only revisions that have instances are still asked for. */
  follow({ revision, settings }: Project, inUse: ReadonlySet<number>): void {
    for (const known of [...this.#settings.keys()]) if (!inUse.has(known)) this.#settings.delete(known);
    this.learn(revision, revisionSettingsOf(settings));
  }

  /** One that is not kept any more is on its way out: only its stop is left. */
  of({ revision, settings }: Project, wanted: number): RevisionSettings {
    const own = revisionSettingsOf(settings);
    return wanted === revision ? own : (this.#settings.get(wanted) ?? own);
  }
}
