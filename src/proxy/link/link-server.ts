/**
 * The daemon's end of all links: who is connected, one link per owner, and what it may say when.
 * Owns the sessions; the services are the registry's.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Gate } from '../gates/index.ts';
import { LINK_HELLO_TIMEOUT_MS, LINKS_MAX } from '../limits.ts';
import { CLIENT_OWNER } from '../services/refusals.ts';
import type { Registry } from '../services/registry.ts';
import type { LinkCall, ToControl, ToProxy } from './messages.ts';
import { LINK_PROTOCOL, toProxySchema } from './messages.ts';
import { toWireError } from './wire-error.ts';

/** What carries one link: a WebSocket, or a test. */
export interface LinkPipe {
  send(text: string): void;
  close(): void;
}

export interface LinkStatus {
  readonly owner: string;
  readonly epoch: number;
  readonly isReady: boolean;
}

export interface LinkServerOptions {
  readonly registry: () => Registry;
  /** Resolves when everything up to now outlives the daemon and all its workers. */
  readonly save: () => Promise<void>;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class LinkServer {
  readonly #options: LinkServerOptions;
  readonly #sessions = new Set<LinkSession>();
  readonly #byOwner = new Map<string, LinkSession>();
  #isClosed = false;

  constructor(options: LinkServerOptions) {
    this.#options = options;
  }

  get links(): readonly LinkStatus[] {
    return [...this.#byOwner.entries()].map(([owner, { epoch, isReady }]) => ({ owner, epoch, isReady }));
  }

  stateOf(owner: string): Gate['link'] {
    const session = this.#byOwner.get(owner);
    if (!session) return 'down';
    return session.isReady ? 'ready' : 'unsettled';
  }

  tell(owner: string, message: ToControl): void {
    this.#byOwner.get(owner)?.send(message);
  }

  /** A new connection; null when there are too many, or this daemon ends. */
  accept(pipe: LinkPipe): LinkSession | null {
    if (this.#isClosed || this.#sessions.size >= LINKS_MAX) return null;
    const session = new LinkSession(pipe, this, this.#options);
    this.#sessions.add(session);
    return session;
  }

  /** Its hello was read: from now on it speaks for this owner, unless a newer control plane does. */
  claim(session: LinkSession, owner: string, epoch: number): void {
    if (owner === CLIENT_OWNER) throw reservedOwner();
    const other = this.#byOwner.get(owner);
    if (other && other.epoch > epoch) throw olderEpoch(epoch, other.epoch);
    this.#byOwner.set(owner, session);
    if (!other) return;
    this.#options.log.info('a newer control plane takes over', { owner, epoch });
    other.end(replaced());
  }

  /** The connection is over, from whichever side. */
  left(session: LinkSession): void {
    if (!this.#sessions.delete(session)) return;
    const { owner } = session;
    if (owner === null || this.#byOwner.get(owner) !== session) return;
    this.#byOwner.delete(owner);
    this.#options.log.info('the control plane is gone; awake services keep serving', { owner });
    this.#options.registry().linkLost(owner);
  }

  /** For good: who comes back is for the next daemon. */
  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#sessions]) session.close();
  }
}

/** One connection: hello, then the snapshot, then changes. */
export class LinkSession {
  readonly #pipe: LinkPipe;
  readonly #server: LinkServer;
  readonly #options: LinkServerOptions;
  readonly #patience: Timer;
  /** By service: what must not overtake an answer that waits for the disk. */
  readonly #heldBack = new Map<string, ToControl[]>();
  owner: string | null = null;
  epoch = 0;
  isReady = false;

  constructor(pipe: LinkPipe, server: LinkServer, options: LinkServerOptions) {
    this.#pipe = pipe;
    this.#server = server;
    this.#options = options;
    this.#patience = options.clock.after(LINK_HELLO_TIMEOUT_MS, () => this.close());
  }

  receive(text: string): void {
    const parsed = toProxySchema.safeParse(parseJson(text));
    if (!parsed.success) {
      this.end(notUnderstood(parsed.error.issues[0]));
      return;
    }
    const message = parsed.data;
    if (this.owner === null) {
      this.#greet(message);
      return;
    }
    if (message.type === 'hello') {
      this.end(outOfTurn('hello'));
      return;
    }
    if (message.type === 'snapshot') {
      this.#settle(this.owner, message.services);
      return;
    }
    void this.#answer(this.owner, message);
  }

  send(message: ToControl): void {
    const heldBack = 'service' in message ? this.#heldBack.get(message.service) : undefined;
    if (heldBack) heldBack.push(message);
    else this.#pipe.send(JSON.stringify(message));
  }

  /** Says why, and closes. */
  end(error: LumaError): void {
    this.send({ type: 'rejected', error: toWireError(error) });
    this.close();
  }

  close(): void {
    this.#patience.cancel();
    this.#pipe.close();
    this.#server.left(this);
  }

  #greet(message: ToProxy): void {
    this.#patience.cancel();
    if (message.type !== 'hello') {
      this.end(outOfTurn(message.type));
      return;
    }
    if (message.protocol !== LINK_PROTOCOL) {
      this.end(otherProtocol(message.protocol));
      return;
    }
    const { owner, epoch } = message;
    this.epoch = epoch;
    try {
      this.#server.claim(this, owner, epoch);
    } catch (error) {
      this.end(error as LumaError);
      return;
    }
    this.owner = owner;
    const reports = this.#options.registry().linkMade(owner);
    this.#options.log.info('a control plane is connected', { owner, epoch });
    this.send({ type: 'welcome', version: this.#options.version, reports });
  }

  #settle(owner: string, services: Extract<ToProxy, { type: 'snapshot' }>['services']): void {
    const registry = this.#options.registry();
    const conflicts = registry.snapshot(owner, services);
    for (const conflict of conflicts)
      this.#options.log.warn('a service cannot be published', { ...conflict });
    this.isReady = true;
    this.send({ type: 'ready', conflicts });
    registry.linkReady(owner);
  }

  async #answer(owner: string, call: LinkCall): Promise<void> {
    const { id } = call;
    try {
      if (call.type === 'signalled') {
        await this.#signalled(owner, call);
        return;
      }
      if (call.type === 'publish') {
        this.#publish(owner, call);
        return;
      }
      const result = carryOut(this.#options.registry(), owner, call);
      // No turn in between: an answer must not be overtaken by what happens after it.
      this.send({ type: 'done', id, result: result instanceof Promise ? await result : result });
    } catch (error) {
      const wire = toWireError(error);
      if (wire.code === 'internal_error')
        this.#options.log.error('a call failed', { type: call.type, error });
      this.send({ type: 'failed', id, error: wire });
    }
  }

  /** That a target answers, which may be known at once, is said after the answer: it is published first. */
  #publish(owner: string, { id, service }: PublishCall): void {
    const { name } = service;
    const isFirst = !this.#heldBack.has(name);
    const heldBack: ToControl[] = this.#heldBack.get(name) ?? [];
    this.#heldBack.set(name, heldBack);
    try {
      this.#options.registry().publish(owner, service);
      this.send({ type: 'done', id, result: null });
    } finally {
      if (isFirst) {
        this.#heldBack.delete(name);
        for (const message of heldBack) this.send(message);
      }
    }
  }

  /**
   * The instance is stopped once this is accepted, so a daemon that is started from its file must know it by then.
   * What else concerns the service is said after the answer, as if the disk took no time.
   */
  async #signalled(owner: string, { id, service, token }: SignalledCall): Promise<void> {
    const registry = this.#options.registry();
    let result = registry.signalled(owner, service, token);
    if (result === 'accepted') {
      const heldBack: ToControl[] = [];
      this.#heldBack.set(service, heldBack);
      try {
        await this.#options.save();
      } catch (error) {
        this.#options.log.error('a sleep is given up: it could not be saved', { service, error });
        registry.liftFence(owner, service, token);
        result = 'stale';
      }
      this.#heldBack.delete(service);
      this.send({ type: 'done', id, result });
      for (const message of heldBack) this.send(message);
      return;
    }
    this.send({ type: 'done', id, result });
  }
}

type PublishCall = Extract<LinkCall, { type: 'publish' }>;
type SignalledCall = Extract<LinkCall, { type: 'signalled' }>;

function carryOut(
  registry: Registry,
  owner: string,
  call: Exclude<LinkCall, SignalledCall | PublishCall>,
): unknown {
  switch (call.type) {
    case 'remove':
      registry.remove(owner, call.service);
      return null;
    case 'fence':
      return registry.fence(owner, call.service, call.ends);
    case 'lift-fence':
      registry.liftFence(owner, call.service, call.token);
      return null;
    case 'wake-failed':
      registry.wakeFailed(owner, call.service, call.failure);
      return null;
    case 'expect':
      return registry.expect(owner, call.service, call.target);
    case 'drained':
      return registry.drained(owner, call.service, call.targetId, call.timeoutMs);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notUnderstood(issue: { path: PropertyKey[]; message: string } | undefined): LumaError {
  const where = issue?.path.join('.') || 'the message';
  return new LumaError('link_message_invalid', `${where}: ${issue?.message ?? 'not understood'}`);
}

function outOfTurn(type: string): LumaError {
  return new LumaError('link_out_of_turn', `the link begins with one hello; this was ${type}`);
}

function otherProtocol(protocol: number): LumaError {
  return new LumaError(
    'link_protocol_differs',
    `this luma-proxy speaks link protocol ${LINK_PROTOCOL}, the control plane ${protocol}`,
    { hint: 'run luma and luma-proxy of the same version' },
  );
}

function olderEpoch(epoch: number, newer: number): LumaError {
  return new LumaError(
    'epoch_older',
    `a control plane of epoch ${newer} is connected; this one is ${epoch}`,
    {
      hint: 'two servers use one data directory: stop the older one',
      details: { epoch: newer },
    },
  );
}

function replaced(): LumaError {
  return new LumaError('link_replaced', 'a newer control plane of the same installation took over');
}

function reservedOwner(): LumaError {
  return new LumaError('owner_reserved', `no installation may be called ${CLIENT_OWNER}`);
}
