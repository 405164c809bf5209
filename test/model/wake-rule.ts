/**
 * When a worker says `wake`. `statedRule` is what EdgeHost asks for; `deskRule` is how edge/exchange/service-desk.ts
 * keeps it, with a flag; `forgetfulDeskRule` does not take the flag back when the last holder leaves.
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

export const deskRule: WakeRule = {
  hearsClosings: true,
  next: (desk, event) => {
    if (event === 'left' && desk.held === 0) return { says: false, hasSaidWake: false };
    return forgetfulDeskRule.next(desk, event);
  },
};

export const forgetfulDeskRule: WakeRule = {
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
