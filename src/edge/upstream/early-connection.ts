/**
 * A connection to a target that is being thawed: made while its processes are still suspended, because their kernel accepts it, and
 * kept without a byte until the target is published. Owned by its desk; one attempt, nobody is told of a failure.
 */
import type { UpstreamUser } from './target-side.ts';
import { type UpstreamAddress, UpstreamConnection, type UpstreamContext } from './upstream-connection.ts';

export class EarlyConnection implements UpstreamUser {
  readonly targetId: string;
  readonly #address: UpstreamAddress;
  readonly #onOpen: () => void;
  #connection: UpstreamConnection | null;
  #isOpen = false;

  constructor(
    context: UpstreamContext,
    target: UpstreamAddress & { readonly id: string },
    onOpen: () => void,
  ) {
    this.targetId = target.id;
    this.#address = { host: target.host, port: target.port };
    this.#onOpen = onOpen;
    // Of the first epoch of a pool that does not exist yet.
    this.#connection = new UpstreamConnection(context, this.#address, this, 0);
  }

  /** The connection, if it is open and leads there. It is the taker's from now on. */
  take({ host, port }: UpstreamAddress): UpstreamConnection | null {
    if (!this.#isOpen || host !== this.#address.host || port !== this.#address.port) return null;
    const connection = this.#connection;
    this.#connection = null;
    return connection;
  }

  /** In good order: who is resumed later finds a client that has gone, and nothing worse. */
  drop(): void {
    if (this.#isOpen) this.#connection?.dismiss();
    else this.#connection?.drop();
    this.#connection = null;
  }

  onUpstreamOpen(): void {
    this.#isOpen = true;
    this.#onOpen();
  }

  onUpstreamBroken(): void {
    this.#connection = null;
  }

  onAnswerHead(): void {}
  onInterimHead(): void {}
  onAnswerBytes(): void {}
  onAnswerEnd(): void {}
  onTunnelBytes(): void {}
  onTunnelEnd(): void {}
  onUpstreamClogged(): void {}
  onUpstreamWritable(): void {}
}
