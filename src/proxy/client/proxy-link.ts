/**
 * The control plane's end of the link: connects, says hello, hands over the snapshot, then calls and listens.
 * Owns the WebSocket and the calls that wait for an answer; it keeps no picture of services.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import {
  LINK_CALLS_MAX,
  LINK_HELLO_TIMEOUT_MS,
  LINK_RETRY_FIRST_MS,
  LINK_RETRY_LONGEST_MS,
} from '../limits.ts';
import type { LinkCall, LinkResult, ToControl, ToProxy } from '../link/messages.ts';
import { LINK_PROTOCOL, resultSchemas, toControlSchema } from '../link/messages.ts';
import { fromWireError } from '../link/wire-error.ts';
import type {
  ExpectedTarget,
  FenceResult,
  ProxyLink,
  ProxyLinkListener,
  ServiceReport,
  ServiceSpec,
} from './contract.ts';
import { type LinkAddress, linkAddress } from './link-address.ts';
import { checkSocketTrust } from './socket-trust.ts';

export interface ProxyLinkOptions {
  readonly socketPath: string;
  /** Whose services these are: the id of this installation. */
  readonly installationId: string;
  /** Grows with every start of the control plane: an older one is refused, a newer one replaces. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly log?: Log;
}

export function createProxyLink(options: ProxyLinkOptions): ProxyLink {
  return new SocketProxyLink(options);
}

interface WaitingCall {
  readonly type: LinkCall['type'];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: LumaError) => void;
}

/** A call without its id: the link numbers them. */
type Unnumbered<T extends LinkCall> = T extends LinkCall ? Omit<T, 'id'> : never;

class SocketProxyLink implements ProxyLink {
  readonly #options: ProxyLinkOptions;
  readonly #log: Log;
  readonly #calls = new Map<number, WaitingCall>();
  #listener: ProxyLinkListener | undefined;
  #socket: WebSocket | undefined;
  #isWelcome = false;
  #isClosed = false;
  #nextCallId = 1;
  #retryMs = LINK_RETRY_FIRST_MS;
  #retry: Timer | undefined;
  #lastFailure = '';

  constructor(options: ProxyLinkOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
  }

  get isConnected(): boolean {
    return this.#isWelcome;
  }

  open(listener: ProxyLinkListener): void {
    if (this.#listener) throw new Error('this link is open already');
    this.#listener = listener;
    void this.#connect();
  }

  publish(service: ServiceSpec): Promise<void> {
    return this.#order({ type: 'publish', service });
  }

  remove(service: string): Promise<void> {
    return this.#order({ type: 'remove', service });
  }

  fence(service: string, ends: number): Promise<FenceResult> {
    return this.#call({ type: 'fence', service, ends });
  }

  signalled(service: string, token: string): Promise<'accepted' | 'stale'> {
    return this.#call({ type: 'signalled', service, token });
  }

  liftFence(service: string, token: string): Promise<void> {
    return this.#order({ type: 'lift-fence', service, token });
  }

  wakeFailed(
    service: string,
    failure: { code: string; message: string; retryAfterMs: number },
  ): Promise<void> {
    return this.#order({ type: 'wake-failed', service, failure });
  }

  expect(service: string, target: ExpectedTarget): Promise<boolean> {
    return this.#call({ type: 'expect', service, target });
  }

  drained(service: string, targetId: string, timeoutMs: number): Promise<boolean> {
    return this.#call({ type: 'drained', service, targetId, timeoutMs });
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    const socket = this.#socket;
    if (!socket) return;
    this.#forget(socket);
    socket.close();
  }

  async #connect(): Promise<void> {
    let address: LinkAddress;
    try {
      await checkSocketTrust(this.#options.socketPath);
      if (this.#isClosed) return;
      address = linkAddress(this.#options.socketPath);
    } catch (error) {
      return this.#retryLater(messageOf(error));
    }
    const socket = new WebSocket(address.url);
    this.#socket = socket;
    const patience = this.#options.clock.after(LINK_HELLO_TIMEOUT_MS, () => this.#drop(socket, 'no welcome'));
    socket.onopen = () => {
      address.release();
      const { installationId: owner, epoch } = this.#options;
      this.#send({ type: 'hello', protocol: LINK_PROTOCOL, owner, epoch });
    };
    socket.onmessage = (event) => {
      patience.cancel();
      this.#receive(socket, event.data);
    };
    socket.onerror = () => patience.cancel();
    socket.onclose = (event) => {
      patience.cancel();
      address.release();
      this.#drop(socket, event.reason || 'the connection closed');
    };
  }

  #receive(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket) return;
    const parsed = toControlSchema.safeParse(parseJson(data));
    if (!parsed.success) {
      this.#drop(socket, `luma-proxy said what this version does not know`);
      return;
    }
    this.#handle(socket, parsed.data);
  }

  #handle(socket: WebSocket, message: ToControl): void {
    const listener = this.#listener!;
    switch (message.type) {
      case 'welcome':
        return void this.#begin(socket, listener, message.reports);
      case 'ready':
        listener.onReady(message.conflicts);
        break;
      case 'rejected':
        this.#drop(socket, message.error.message);
        break;
      case 'done':
        this.#settle(message.id, message.result);
        break;
      case 'failed':
        this.#take(message.id)?.reject(fromWireError(message.error));
        break;
      case 'wake':
        listener.onWake(message.service, message.cause ?? null);
        break;
      case 'answered':
        listener.onAnswered(message.service, message.targetId);
        break;
      case 'target-refused':
        listener.onTargetRefused(message.service, message.targetId, message.reason);
        break;
      case 'fence-lifted':
        listener.onFenceLifted(message.service, message.token);
        break;
      case 'activity':
        listener.onActivity(message.changed);
        break;
    }
  }

  async #begin(
    socket: WebSocket,
    listener: ProxyLinkListener,
    reports: readonly ServiceReport[],
  ): Promise<void> {
    this.#isWelcome = true;
    this.#retryMs = LINK_RETRY_FIRST_MS;
    this.#lastFailure = '';
    try {
      const services = await listener.onConnected(reports);
      if (socket === this.#socket) this.#send({ type: 'snapshot', services });
    } catch (error) {
      this.#log.error('the snapshot could not be made; connecting again', { reason: messageOf(error) });
      this.#drop(socket, 'no snapshot');
    }
  }

  async #order(call: Unnumbered<LinkCall>): Promise<void> {
    await this.#call(call);
  }

  #call<T extends LinkCall['type']>(call: Unnumbered<LinkCall> & { type: T }): Promise<LinkResult<T>> {
    if (!this.#isWelcome) return Promise.reject(this.#unavailable('it is not connected'));
    if (this.#calls.size >= LINK_CALLS_MAX) return Promise.reject(this.#unavailable('too many calls wait'));
    const id = this.#nextCallId++;
    return new Promise<LinkResult<T>>((resolve, reject) => {
      this.#calls.set(id, { type: call.type, resolve: resolve as (result: unknown) => void, reject });
      this.#send({ ...call, id } as LinkCall);
    });
  }

  #settle(id: number, result: unknown): void {
    const call = this.#take(id);
    if (!call) return;
    const parsed = resultSchemas[call.type].safeParse(result);
    if (parsed.success) call.resolve(parsed.data);
    else call.reject(this.#unavailable(`its answer to ${call.type} makes no sense`));
  }

  #take(id: number): WaitingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  #send(message: ToProxy): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #drop(socket: WebSocket, reason: string): void {
    if (socket !== this.#socket) return;
    this.#forget(socket);
    socket.close();
    this.#retryLater(reason);
  }

  #forget(socket: WebSocket): void {
    socket.onmessage = null;
    socket.onclose = null;
    this.#socket = undefined;
    const wasWelcome = this.#isWelcome;
    this.#isWelcome = false;
    const broken = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of broken) call.reject(this.#unavailable('the link broke'));
    if (wasWelcome) this.#listener?.onDisconnected();
  }

  #retryLater(reason: string): void {
    if (this.#isClosed) return;
    if (reason !== this.#lastFailure) {
      this.#log.warn('not connected to luma-proxy; trying again', {
        reason,
        socket: this.#options.socketPath,
      });
    }
    this.#lastFailure = reason;
    this.#retry = this.#options.clock.after(this.#retryMs, () => void this.#connect());
    this.#retryMs = Math.min(this.#retryMs * 2, LINK_RETRY_LONGEST_MS);
  }

  #unavailable(reason: string): LumaError {
    return new LumaError('proxy_unavailable', `luma-proxy cannot be asked now: ${reason}`, {
      hint: `is luma-proxy running on ${this.#options.socketPath}?`,
    });
  }
}

function parseJson(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}
