/**
 * How many connections a worker lets be open: in all, and for one address. Owns the counts by address and of those
 * turned away; connections tell it when they come and go.
 */
import { parseIpAddress } from '../../base/ip-range.ts';

export interface ConnectionCapLimits {
  readonly clientConnectionsMax: number;
  readonly turnedAwayMax: number;
}

/** Connections turned away so far, by why. */
export interface TurnedAway {
  readonly byTotal: number;
  readonly byAddress: number;
  readonly byProxyHeader: number;
}

export class ConnectionCaps {
  readonly #limits: ConnectionCapLimits;
  readonly #perAddressMax: number;
  readonly #openByKey = new Map<string, number>();
  readonly #turnedAway = { byTotal: 0, byAddress: 0, byProxyHeader: 0 };
  /** Turned away, and still being told so. */
  #lingering = 0;

  /** `perAddressMax` 0: no limit. */
  constructor(limits: ConnectionCapLimits, perAddressMax: number) {
    this.#limits = limits;
    this.#perAddressMax = perAddressMax;
  }

  get turnedAway(): TurnedAway {
    return { ...this.#turnedAway };
  }

  /** Whether addresses are looked at: it costs a system call for each connection. */
  get countsAddresses(): boolean {
    return this.#perAddressMax > 0;
  }

  /** `openCount` with the one that asks. */
  mayOpen(openCount: number): boolean {
    if (openCount - this.#lingering <= this.#limits.clientConnectionsMax) return true;
    this.#turnedAway.byTotal++;
    return false;
  }

  /** The key to give back when the connection is gone; null: its address has too many. */
  tryEnter(address: string): string | null {
    const key = capKey(address);
    const open = this.#openByKey.get(key) ?? 0;
    if (open >= this.#perAddressMax) {
      this.#turnedAway.byAddress++;
      return null;
    }
    this.#openByKey.set(key, open + 1);
    return key;
  }

  leave(key: string): void {
    const left = (this.#openByKey.get(key) ?? 0) - 1;
    if (left > 0) this.#openByKey.set(key, left);
    else this.#openByKey.delete(key);
  }

  /** A listener for PROXY headers got none that counts. */
  noteBadProxyHeader(): void {
    this.#turnedAway.byProxyHeader++;
  }

  /** Whether one that is turned away may be told why: its socket stays open meanwhile. */
  tryLinger(): boolean {
    if (this.#lingering >= this.#limits.turnedAwayMax) return false;
    this.#lingering++;
    return true;
  }

  endLinger(): void {
    this.#lingering--;
  }
}

const SUBNET_SHIFT = 64n;

/** An IPv4 address, or the /64 of an IPv6 one: whoever has one address there has all of them. */
function capKey(text: string): string {
  const address = parseIpAddress(text);
  if (address === null || address.family === 4) return text;
  return (address.value >> SUBNET_SHIFT).toString(16);
}
