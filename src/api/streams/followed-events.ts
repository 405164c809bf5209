/**
 * A project's events from an id on and then as they happen, without a gap and none twice.
 * Listens before it lists, so that nothing falls between the two.
 */
import type { ControlPlaneDoor } from '../../control/contract.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import { EVENTS_LISTED_MAX, FOLLOWED_EVENTS_MAX } from '../limits.ts';

export type FollowedItem =
  /** First of all: the id after which this stream tells. */
  | { readonly kind: 'following'; readonly afterId: number }
  | { readonly kind: 'event'; readonly event: ProjectEvent };

export async function* followEvents(
  control: ControlPlaneDoor,
  name: string,
  afterId: number | null,
  signal: AbortSignal,
): AsyncGenerator<FollowedItem> {
  const queue = new EventQueue();
  const unsubscribe = control.onEvent(name, (event) => queue.push(event));
  signal.addEventListener('abort', () => queue.end(), { once: true });
  if (signal.aborted) queue.end();
  try {
    let lastId = afterId ?? (await newestId(control, name));
    yield { kind: 'following', afterId: lastId };
    for await (const event of missedEvents(control, name, lastId, signal)) {
      lastId = event.id;
      yield { kind: 'event', event };
    }
    for (let event = await queue.next(); event; event = await queue.next()) {
      if (event.id > lastId) yield { kind: 'event', event };
    }
  } finally {
    unsubscribe();
  }
}

async function newestId(control: ControlPlaneDoor, name: string): Promise<number> {
  return (await control.events(name, { limit: 1 }))[0]?.id ?? 0;
}

async function* missedEvents(
  control: ControlPlaneDoor,
  name: string,
  afterId: number,
  signal: AbortSignal,
): AsyncGenerator<ProjectEvent> {
  for (let lastId = afterId; !signal.aborted; ) {
    const events = await control.events(name, { afterId: lastId, limit: EVENTS_LISTED_MAX });
    yield* events;
    lastId = events.at(-1)?.id ?? lastId;
    if (events.length < EVENTS_LISTED_MAX) return;
  }
}

/** One reader. Ends instead of growing without bound: the client resumes by the id of its last event. */
class EventQueue {
  readonly #events: ProjectEvent[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  push(event: ProjectEvent): void {
    if (this.#isEnded) return;
    if (this.#events.length === FOLLOWED_EVENTS_MAX) this.#isEnded = true;
    else this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async next(): Promise<ProjectEvent | null> {
    while (this.#events.length === 0) {
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#events.shift() ?? null;
  }
}
