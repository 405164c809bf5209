/**
 * Where one exchange belongs and counts on the board: at the desk of its service or of a lane of that, in its row, and in
 * the row of the target it goes to. It alone enters and leaves those rows for its exchange; what that is doing meanwhile
 * is the exchange's business.
 */
import { assert } from '../../base/errors.ts';
import { machineNowMs } from '../board/index.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ServiceRoute, TargetRoute } from '../routing/service-route.ts';
import type { EdgeCore } from './edge-core.ts';
import type { LaneChoice } from './lane-choice.ts';
import type { ServiceDesk, WaitsFor } from './service-desk.ts';
import { pickTarget } from './target-choice.ts';
import type { RequestShare, TargetSharing } from './target-sharing.ts';

export class Placement {
  /** As it was when the exchange was last at the gate. */
  route: ServiceRoute;
  target: TargetRoute | null = null;
  /** It neither wakes nor keeps awake: its end is no end. */
  isQuiet = false;
  readonly #core: EdgeCore;
  readonly #head: RequestHead;
  #desk: ServiceDesk;
  /** The service that the request is for, where a lane of it serves it. */
  #front: ServiceDesk | null = null;
  /** The value of the sticky cookie that its client is to be given. */
  #laneKey: string | null = null;
  /** Of the service whose requests are shared out in some way of its own; null: they are not. */
  #sharing: TargetSharing | null = null;
  #share: RequestShare | null = null;

  constructor(core: EdgeCore, desk: ServiceDesk, head: RequestHead) {
    this.#core = core;
    this.#head = head;
    this.#desk = desk.lanes === null ? desk : this.#takeLane(desk, desk.lanes);
    this.route = this.#desk.route;
  }

  get desk(): ServiceDesk {
    return this.#desk;
  }

  /** Where a lane that is gone does not answer, the service does. */
  get hasFront(): boolean {
    return this.#front !== null;
  }

  #takeLane(desk: ServiceDesk, lanes: LaneChoice): ServiceDesk {
    const { lane, newKey } = lanes.choose(this.#head, this.#core.desks);
    this.#laneKey = newKey;
    if (lane !== null) this.#front = desk;
    return lane ?? desk;
  }

  /** Before each visit to the gate. */
  review(): void {
    if (this.#desk.isGone && this.#front !== null) {
      this.#desk = this.#front;
      this.#front = null;
    }
    this.route = this.#desk.route;
  }

  /** At the gate. Null: it is in flight, with a target if there is one; otherwise it is held for what is said. */
  enter(refusedIds: readonly string[]): WaitsFor | null {
    const { column, table } = this.#core;
    const { row } = this.route;
    if (column.enter(row, table.generation) === 'held') return 'gate';
    if (!this.#mustQueue() && this.#pick(refusedIds) !== 'full') return null;
    column.turnBack(row);
    return 'slot';
  }

  /** The same for one that is held. */
  enterAgain(refusedIds: readonly string[]): WaitsFor | null {
    const { column, table } = this.#core;
    const before = this.route.row;
    this.route = this.#desk.route;
    const { row } = this.route;
    if (row !== before) column.leave(before);
    const entry = row === before ? column.again(row, table.generation) : column.enter(row, table.generation);
    if (entry === 'held') return 'gate';
    if (this.#pick(refusedIds) !== 'full') return null;
    column.turnBack(row);
    return 'slot';
  }

  /** Never held. `asleep`: the gate is closed, or nobody else keeps the service awake. */
  tryEnterQuiet(refusedIds: readonly string[]): 'entered' | 'asleep' | 'full' {
    const { column, table } = this.#core;
    const { row } = this.route;
    if (!this.#desk.isInUse || !column.tryEnterQuiet(row, table.generation)) return 'asleep';
    if (this.#pick(refusedIds) !== 'full') return 'entered';
    column.endQuiet(row);
    return 'full';
  }

  /** For what was sent in vain: another target where there is one, otherwise the same once more. */
  moveOn(): TargetRoute {
    const left = this.target;
    assert(left !== null, 'what was sent had a target');
    if (this.#pick([left.id]) !== 'picked') return left;
    this.#core.column.end(left.row, machineNowMs());
    this.releaseSlot();
    assert(this.target !== null, 'what was picked is the target');
    return this.target;
  }

  /** Nothing was sent: out of the counts. Whose slot is free then; `releaseSlot` says so. */
  takeBack(): TargetRoute | null {
    const { column } = this.#core;
    const { target } = this;
    this.target = null;
    if (target !== null) column.takeBack(target.row);
    if (this.isQuiet) column.endQuiet(this.route.row);
    else column.takeBack(this.route.row);
    return target;
  }

  /** Held, and goes without having passed. */
  leaveHold(): void {
    this.#core.column.leave(this.route.row);
  }

  /** Its target is done with it. */
  leaveFlight(): void {
    const { column } = this.#core;
    const { target } = this;
    const nowMs = machineNowMs();
    if (target !== null) column.end(target.row, nowMs);
    if (this.isQuiet) column.endQuiet(this.route.row);
    else column.end(this.route.row, nowMs);
    if (target !== null) this.releaseSlot();
  }

  /** After the counts are lowered: whoever waits may go. */
  releaseSlot(): void {
    if (this.#desk.route.targetConcurrency > 0) this.#desk.slotReleased();
  }

  /** Its service's requests are shared out in some way of its own. */
  get isShared(): boolean {
    return this.target !== null && (this.#laneKey !== null || this.#sharing !== null);
  }

  /** Cookies by which the client's next request goes the same way. */
  cookieLines(isSecure: boolean): string {
    const { lanes } = this.#front ?? this.#desk;
    const laneLine = this.#laneKey === null ? '' : (lanes?.line(this.#laneKey, isSecure) ?? '');
    if (this.#sharing === null || this.#share === null || this.target === null) return laneLine;
    return laneLine + this.#sharing.lines(this.#share, this.target, isSecure);
  }

  /** Who waits for a slot already is served first. */
  #mustQueue(): boolean {
    return this.route.targetConcurrency > 0 && this.#desk.heldCount > 0;
  }

  /** Counted in flight on the service: sets the target that admits it, if there is one. */
  #pick(refusedIds: readonly string[]): 'picked' | 'full' | 'none' {
    const target = pickTarget(this.#core, this.#desk, this.route, refusedIds, this.#ownShare());
    if (typeof target === 'string') return target;
    this.target = target;
    return 'picked';
  }

  /** Dealt once for each way of sharing: while it was held, that may have become another one. */
  #ownShare(): RequestShare | null {
    const { sharing } = this.#desk;
    if (sharing !== this.#sharing) {
      this.#sharing = sharing;
      this.#share = sharing?.shareOf(this.#head.fields) ?? null;
    }
    return this.#share;
  }
}
