/** One transition being worked out: a copy of the state that may be written, and the effects so far. */
import { assert } from '../../base/errors.ts';
import { type InstanceEvent, nextInstanceState } from '../../domain/instance-state.ts';
import type { ProjectEventKind } from '../../domain/project-event.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { ProjectEffect } from './project-effect.ts';
import type { InstanceEntry, ProjectState } from './project-state.ts';

export type Writable<T> = { -readonly [K in keyof T]: T[K] };
export type WritableEntry = Writable<InstanceEntry>;

export interface Draft extends Omit<Writable<ProjectState>, 'instances'> {
  instances: WritableEntry[];
}

export class Transition {
  readonly draft: Draft;
  readonly effects: ProjectEffect[] = [];

  constructor(state: ProjectState) {
    this.draft = { ...state, instances: state.instances.map((entry) => ({ ...entry })) };
  }

  get current(): WritableEntry | null {
    return this.entry(this.draft.current);
  }

  get candidate(): WritableEntry | null {
    return this.entry(this.draft.candidate);
  }

  entry(id: string | null): WritableEntry | null {
    return id === null ? null : (this.draft.instances.find((entry) => entry.id === id) ?? null);
  }

  emit(effect: ProjectEffect): void {
    this.effects.push(effect);
  }

  record(event: ProjectEventKind, id: string | null, failure: StartFailure | null = null): void {
    this.emit({ kind: 'record', event, id, failure });
  }

  /** Moves an instance on; what its table does not list is a bug of this machine. */
  move(entry: WritableEntry, event: InstanceEvent): void {
    const state = nextInstanceState(entry.state, event);
    assert(state !== null, `instance ${entry.id} is ${entry.state}: ${event} cannot happen`);
    entry.state = state;
  }

  /** After a failure of one neighbour: leave it alone for a second. */
  rest(who: 'store' | 'link' | 'engine'): void {
    this.draft.resting = { ...this.draft.resting, [who]: true };
    this.emit({ kind: 'arm', timer: 'retry', delayMs: RETRY_AFTER_MS });
  }

  rested(): void {
    const { store, link, engine } = this.draft.resting;
    if (!store && !link && !engine) return;
    this.draft.resting = { store: false, link: false, engine: false };
    this.emit({ kind: 'disarm', timer: 'retry' });
  }
}

export const RETRY_AFTER_MS = 1_000;

export function isAwake(entry: InstanceEntry | null): boolean {
  return entry?.state === 'running' || entry?.state === 'starting';
}

/** It runs, or nobody can rule that out. */
export function mayRun(entry: InstanceEntry): boolean {
  return (
    entry.state === 'starting' ||
    entry.state === 'running' ||
    entry.state === 'frozen' ||
    entry.state === 'stopping' ||
    entry.call === 'start' ||
    (entry.state === 'failed' && (entry.located || entry.halt?.reason === 'failed'))
  );
}

/** Who waits for an instance waits for this one: it takes over as soon as it is there. */
export function isAwaited(candidate: InstanceEntry | null | undefined): boolean {
  return candidate != null && !candidate.isDelayed;
}

/** Neither the leader nor its successor, and not on its way out. */
export function isExtra(step: Transition, entry: WritableEntry): boolean {
  const { current, candidate } = step.draft;
  if (entry.id === current || entry.id === candidate) return false;
  return entry.halt?.reason !== 'retire' && entry.halt?.reason !== 'surplus';
}
