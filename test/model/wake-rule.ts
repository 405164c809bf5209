/**
 * When a worker says `wake`. `statedRule` is what EdgeHost asks for and edge/exchange does; `forgetfulRule` is a mutant:
 * it says so once per closed gate, by a flag that it does not take back when the last holder leaves.
 */

export interface Desk {
  /** After the event. */
  readonly held: number;
  readonly hasSaidWake: boolean;
}

export type DeskEvent =
  | 'held'
  /** The opening was heard; before anybody looks again. */
  | 'opened'
  | 'all-passed'
  | 'still-held'
  | 'closed'
  | 'refused'
  /** A client went away. */
  | 'left';

export interface WakeRule {
  /** Whether workers are told of closings. */
  readonly hearsClosings: boolean;
  readonly next: (desk: Desk, event: DeskEvent) => { readonly says: boolean; readonly hasSaidWake: boolean };
}

export const statedRule: WakeRule = {
  hearsClosings: false,
  next: ({ held }, event) => ({
    says: (event === 'held' && held === 1) || event === 'still-held',
    hasSaidWake: false,
  }),
};

export const forgetfulRule: WakeRule = {
  hearsClosings: true,
  next: ({ held, hasSaidWake }, event) => {
    if (event === 'held') return { says: !hasSaidWake, hasSaidWake: true };
    if (event === 'closed') return { says: held > 0, hasSaidWake: held > 0 };
    if (event === 'opened' || event === 'all-passed' || event === 'refused') {
      return { says: false, hasSaidWake: false };
    }
    return { says: false, hasSaidWake };
  },
};
