/**
 * What an upgraded exchange is from then on: opaque bytes both ways, and two halves that close one after the other.
 * Made by the upgrade; owns which side has said that it will send nothing more. Its exchange ends it.
 */
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { TargetSide } from '../upstream/target-side.ts';
import type { ClientSide } from './client-side.ts';
import type { ExchangeTally } from './exchange-tally.ts';

const NEVER = Number.POSITIVE_INFINITY;

export class Tunnel {
  readonly #client: ClientSide;
  readonly #connection: TargetSide;
  readonly #tally: ExchangeTally;
  readonly #halfClosedMs: number;
  #hasClientEnded = false;
  #hasTargetEnded = false;

  constructor(client: ClientSide, connection: TargetSide, tally: ExchangeTally, halfClosedMs: number) {
    this.#client = client;
    this.#connection = connection;
    this.#tally = tally;
    this.#halfClosedMs = halfClosedMs;
  }

  /** Both halves are closed, and what was said has left. */
  get isOver(): boolean {
    return this.#hasClientEnded && this.#hasTargetEnded && this.#connection.backlogBytes === 0;
  }

  begin(head: ResponseHead, ownLines: string): void {
    this.#client.arm(NEVER);
    this.#connection.becomeTunnel();
    this.#client.beginTunnel(head, ownLines);
    this.#client.passBody();
  }

  takeFromClient(input: Buffer, from: number): void {
    this.#tally.bytesIn += input.length - from;
    this.#connection.writeTunnel(input, from, input.length);
    if (this.#hasTargetEnded) this.#armHalfClosed();
  }

  takeFromTarget(bytes: Buffer, from: number, to: number): void {
    this.#tally.bytesOut += to - from;
    this.#client.writeTunnel(bytes, from, to);
    if (this.#hasClientEnded) this.#armHalfClosed();
  }

  clientEnded(): void {
    this.#hasClientEnded = true;
    this.#connection.shutdown();
    this.#armHalfClosed();
  }

  targetEnded(): void {
    this.#hasTargetEnded = true;
    this.#client.endTunnel();
    this.#armHalfClosed();
  }

  clientWritable(): void {
    if (this.#hasClientEnded || this.#hasTargetEnded) this.#armHalfClosed();
    else this.#client.arm(NEVER);
  }

  #armHalfClosed(): void {
    this.#client.arm(this.#halfClosedMs);
  }
}

/** RFC 9110 §7.8: a server never switches to a protocol that was not asked for. */
export function isUpgradeAskedFor(
  { upgrade: asked }: RequestHead,
  { upgrade: given }: ResponseHead,
): boolean {
  if (asked === null || given === null) return false;
  const names = asked.toLowerCase().split(',');
  return names.some((name) => name.trim() === given.trim().toLowerCase());
}
