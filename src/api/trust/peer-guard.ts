/** Without tokens, the API is open to root and to the user Luma runs as, and to nobody else on the machine. */

import { LumaError } from '../../base/errors.ts';
import { isLoopbackAddress } from '../../base/ip-range.ts';
import type { Log } from '../../base/log.ts';
import { type Endpoint, readPeerUid } from './socket-table.ts';

export interface PeerGuardOptions {
  readonly log: Log;
  readonly platform?: NodeJS.Platform;
  readonly readUid?: (peer: Endpoint, own: Endpoint) => Promise<number | null>;
  /** Who Luma runs as; -1 where there are no uids. */
  readonly ownUid?: number;
}

export class PeerGuard {
  readonly #readUid: NonNullable<PeerGuardOptions['readUid']>;
  readonly #allowed: ReadonlySet<number>;
  readonly #ownUid: number;
  readonly #canTell: boolean;
  /** A connection keeps its owner for as long as it lives; a port may pass to another. */
  readonly #uidByConnection = new WeakMap<object, number>();

  constructor({ log, platform = process.platform, readUid = readPeerUid, ownUid }: PeerGuardOptions) {
    this.#readUid = readUid;
    this.#ownUid = ownUid ?? process.getuid?.() ?? -1;
    this.#allowed = new Set([0, this.#ownUid]);
    this.#canTell = platform === 'linux';
    if (!this.#canTell) {
      log.warn(
        'this system does not tell who is at the other end of a connection: the API is open to every local user',
      );
    }
  }

  async check(peer: Endpoint | null, own: Endpoint, connection: object): Promise<void> {
    if (!peer || !isLoopbackAddress(peer.address)) throw this.#refused('comes from another machine');
    if (!this.#canTell) return;
    const uid = this.#uidByConnection.get(connection) ?? (await this.#readUid(peer, own));
    if (uid === null) throw this.#refused('comes from a process that cannot be found on this machine');
    this.#uidByConnection.set(connection, uid);
    if (!this.#allowed.has(uid)) throw this.#refused(`comes from the user with uid ${uid}`);
  }

  #refused(reason: string): LumaError {
    return new LumaError('peer_refused', `the request ${reason}`, {
      hint: `Without a token the API is open to root and to the user Luma runs as (uid ${this.#ownUid}) only: use sudo.`,
    });
  }
}
