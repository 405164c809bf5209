/**
 * The engine's event stream, cut down to one installation: opened with the first listener, closed with the
 * last, re-opened with back-off after a break, which listeners hear as `relist`. Owns that one stream.
 */
import { type Clock, delay } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RuntimeEvent } from '../contract.ts';
import type { Engine } from './engine.ts';
import { jsonLines } from './json-lines.ts';
import { labels } from './labels.ts';
import { limits } from './limits.ts';

/** What only the runtime itself needs to know: the sandbox of an instance ended. */
export type SandboxEvent = { readonly kind: 'sandbox-ended'; readonly instanceId: string };
export type EngineEvent = RuntimeEvent | SandboxEvent;

export type EventListener = (event: RuntimeEvent) => void;

/** `health_status` stands for `health_status: unhealthy` and the like. */
const actions = ['start', 'die', 'oom', 'pause', 'unpause', 'destroy', 'health_status'] as const;

export class EngineEvents {
  readonly #engine: Engine;
  readonly #installationId: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #listeners = new Set<EventListener>();
  #open: AbortController | null = null;
  #isLive = false;

  /** `onEvent` hears everything first, while anybody listens. */
  constructor(
    engine: Engine,
    installationId: string,
    clock: Clock,
    log: Log,
    onEvent: (event: EngineEvent) => void = () => undefined,
  ) {
    this.#engine = engine;
    this.#installationId = installationId;
    this.#clock = clock;
    this.#log = log;
    this.#onEvent = onEvent;
  }

  /** The stream is open: what happens is heard. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Events from now on. Returns how to stop. */
  watch(listener: EventListener): () => void {
    // A listener may be given twice; each call is a watch of its own.
    const own: EventListener = (event) => listener(event);
    this.#listeners.add(own);
    if (!this.#open) {
      this.#open = new AbortController();
      void this.#run(this.#open.signal);
    }
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#open?.abort();
    this.#open = null;
  }

  /** Never rejects: it ends with its signal. */
  async #run(signal: AbortSignal): Promise<void> {
    let since: number | null = this.#clock.now() / 1_000;
    let backOffMs: number = limits.reconnectFirstMs;
    while (!signal.aborted) {
      try {
        const stream = await this.#openStream(since, signal);
        // What happened between watch() and the first stream is replayed by the engine; after a break
        // (its memory is short, or gone with it) only a new list tells.
        if (since === null) this.#tell({ kind: 'relist' });
        since = null;
        backOffMs = limits.reconnectFirstMs;
        this.#isLive = true;
        await this.#read(stream);
        this.#log.warn('the event stream of Docker ended; opening it again');
      } catch (error) {
        if (signal.aborted) return;
        since = null;
        this.#log.warn('the event stream of Docker broke; opening it again', { reason: messageOf(error) });
      } finally {
        this.#isLive = false;
      }
      await this.#wait(backOffMs, signal);
      backOffMs = Math.min(backOffMs * 2, limits.reconnectLastMs);
    }
  }

  #openStream(since: number | null, signal: AbortSignal) {
    const filters = {
      type: ['container'],
      event: [...actions],
      label: [`${labels.installation}=${this.#installationId}`],
    };
    const query = { filters, ...(since !== null && { since }) };
    return this.#engine.openStream('open its event stream', '/events', query, signal);
  }

  async #read(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const ranOutOfMemory = new Set<string>();
    const repeated = new RepeatedEvents();
    for await (const raw of jsonLines(stream)) {
      if (repeated.has(raw)) continue;
      const event = runtimeEvent(raw, ranOutOfMemory);
      if (event) this.#tell(event);
    }
  }

  #tell(event: EngineEvent): void {
    this.#onEvent(event);
    if (event.kind === 'sandbox-ended') return;
    for (const listener of [...this.#listeners]) listener(event);
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    try {
      await delay(this.#clock, delayMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/**
 * The engine tells an event twice that happens while the stream opens: from its memory, and as news (moby appends
 * to its memory before it publishes). Knows the last few of one stream.
 */
class RepeatedEvents {
  readonly #known = new Set<string>();

  has(raw: Record<string, unknown>): boolean {
    const id = (raw['Actor'] as { ID?: string } | undefined)?.ID;
    const key = `${raw['timeNano']} ${raw['Action']} ${id}`;
    if (this.#known.has(key)) return true;
    this.#known.add(key);
    const [oldest] = this.#known;
    if (this.#known.size > limits.knownEventsMax && oldest !== undefined) this.#known.delete(oldest);
    return false;
  }
}

/** The engine tells "out of memory" before the end it causes: `ranOutOfMemory` carries it over. */
export function runtimeEvent(raw: Record<string, unknown>, ranOutOfMemory: Set<string>): EngineEvent | null {
  const attributes = (raw['Actor'] as { Attributes?: Record<string, string> } | undefined)?.Attributes ?? {};
  const instanceId = attributes[labels.instance];
  if (!instanceId) return sandboxEvent(raw['Action'], attributes[labels.sandbox]);
  switch (raw['Action']) {
    case 'start':
      ranOutOfMemory.delete(instanceId);
      return { kind: 'started', instanceId };
    case 'oom':
      ranOutOfMemory.add(instanceId);
      return null;
    case 'die': {
      const code = Number(attributes['exitCode']);
      const outOfMemory = ranOutOfMemory.delete(instanceId) && code === 137;
      const at = Math.floor(Number(raw['timeNano']) / 1e6);
      return { kind: 'exited', instanceId, exit: { code, signal: null, outOfMemory, at } };
    }
    case 'pause':
      return { kind: 'frozen', instanceId };
    case 'unpause':
      return { kind: 'thawed', instanceId };
    case 'health_status: unhealthy':
      return { kind: 'unhealthy', instanceId };
    case 'destroy':
      ranOutOfMemory.delete(instanceId);
      return { kind: 'removed', instanceId };
    default:
      return null;
  }
}

/** A removal by force is told as `die` as well; of one that had ended already only `destroy` is told. */
function sandboxEvent(action: unknown, instanceId: string | undefined): SandboxEvent | null {
  const hasEnded = action === 'die' || action === 'destroy';
  return hasEnded && instanceId ? { kind: 'sandbox-ended', instanceId } : null;
}
