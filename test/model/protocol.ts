/**
 * The functions under test, as the programs run them. A mutant replaces one of them to show that the
 * exploration would notice.
 */
import { next } from '../../src/control/projects/project-machine.ts';
import { admissionStep, endingStep, readingStep, targetEntryStep } from '../../src/edge/board/index.ts';
import { nextGate } from '../../src/proxy/gates/index.ts';
import type { WakeRule } from './wake-rule.ts';
import { statedRule } from './wake-rule.ts';

export interface Protocol {
  readonly admissionStep: typeof admissionStep;
  readonly targetEntryStep: typeof targetEntryStep;
  /** At a service's gate, by quiet requests: the steps are those of a target's. */
  readonly quietEntryStep: typeof targetEntryStep;
  readonly endingStep: typeof endingStep;
  readonly readingStep: typeof readingStep;
  readonly nextGate: typeof nextGate;
  readonly nextProject: typeof next;
  /** Of edge/exchange, restated: there it is a line in each of three places. */
  readonly wakeRule: WakeRule;
}

export const protocol: Protocol = {
  admissionStep,
  targetEntryStep,
  quietEntryStep: targetEntryStep,
  endingStep,
  readingStep,
  nextGate,
  nextProject: next,
  wakeRule: statedRule,
};
