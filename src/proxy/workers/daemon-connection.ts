/**
 * A worker's way to its daemon: connects, and looks for the next daemon when this one is gone.
 * Owns the socket and the retries; what is said while nobody listens is dropped, for the next daemon asks anew.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import {
  DAEMON_RETRY_FIRST_MS,
  DAEMON_RETRY_LONGEST_MS,
  TABLE_LINE_BYTES_MAX,
  WORKER_BACKLOG_BYTES_MAX,
} from '../limits.ts';
import { LineSocket, lineHandlers, parseLine } from './line-socket.ts';
import type { ToDaemon, ToWorker } from './worker-protocol.ts';

export interface DaemonConnectionEvents {
  /** Say hello now. */
  onConnected(): void;
  onMessage(message: ToWorker): void;
  /** Nobody answers any more; called before each further try, so the worker may decide to leave. */
  onAway(): void;
}

export class DaemonConnection {
  readonly #path: string;
  readonly #events: DaemonConnectionEvents;
  readonly #clock: Clock;
  readonly #log: Log;
  #lines: LineSocket | undefined;
  #retry: Timer | undefined;
  #retryMs = DAEMON_RETRY_FIRST_MS;
  #isClosed = false;

  constructor(path: string, events: DaemonConnectionEvents, clock: Clock, log: Log) {
    this.#path = path;
    this.#events = events;
    this.#clock = clock;
    this.#log = log;
  }

  get isConnected(): boolean {
    return this.#lines?.isOpen === true;
  }

  open(): void {
    void this.#connect();
  }

  send(message: ToDaemon): void {
    this.#lines?.send(message);
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#lines?.close('this worker leaves');
  }

  async #connect(): Promise<void> {
    const lines: LineSocket = new LineSocket(
      {
        onLine: (line) => this.#events.onMessage(parseLine(line) as ToWorker),
        onClose: (reason) => this.#lost(reason),
      },
      { lineBytesMax: TABLE_LINE_BYTES_MAX, backlogBytesMax: WORKER_BACKLOG_BYTES_MAX },
    );
    try {
      const socket = await Bun.connect({ unix: this.#path, data: lines, socket: lineHandlers });
      lines.opened(socket);
    } catch (error) {
      return this.#lost(messageOf(error));
    }
    if (this.#isClosed) return lines.close('this worker leaves');
    this.#lines = lines;
    this.#retryMs = DAEMON_RETRY_FIRST_MS;
    this.#events.onConnected();
  }

  #lost(reason: string): void {
    this.#lines = undefined;
    if (this.#isClosed) return;
    this.#log.debug('no daemon; looking again', { reason });
    this.#events.onAway();
    if (this.#isClosed) return;
    this.#retry = this.#clock.after(this.#retryMs, () => void this.#connect());
    this.#retryMs = Math.min(this.#retryMs * 2, DAEMON_RETRY_LONGEST_MS);
  }
}
