/**
 * Runs the gate machine of each service: hands it an event, carries out its effects in their order, in one turn.
 * It alone writes `entry.gate` and the gate cells of the board.
 */
import { assert } from '../../base/errors.ts';
import { randomId } from '../../base/random-id.ts';
import type { Board, RowAllocator } from '../../edge/board/index.ts';
import type { FenceResult, ServiceActivity } from '../client/contract.ts';
import type { Gate, GateEffect, GateEvent, GateStep } from '../gates/index.ts';
import { nextGate } from '../gates/index.ts';
import type { ToControl } from '../link/messages.ts';
import type { DrainWatch } from './drain-watch.ts';
import type { RouteTable } from './route-table.ts';
import type { ServiceEntry } from './service-entry.ts';
import { isShutByOperator, routeOf } from './service-entry.ts';

export interface GateRunnerParts {
  readonly board: Board;
  readonly rows: RowAllocator;
  readonly table: RouteTable;
  readonly drains: DrainWatch;
  /** The machine's clock, in which the board's stamps are written. */
  readonly nowMs: () => number;
  readonly tellOwner: (owner: string, message: ToControl) => void;
}

interface Replies {
  fence?: FenceResult;
  signalled?: 'accepted' | 'stale';
}

export class GateRunner {
  readonly #parts: GateRunnerParts;
  #replies: Replies = {};

  constructor(parts: GateRunnerParts) {
    this.#parts = parts;
  }

  activity(entry: ServiceEntry): ServiceActivity {
    const { board, nowMs } = this.#parts;
    const now = nowMs();
    const { inFlight, held, ends, quietForMs } = board.totals(entry.row, now);
    const sinceOpenMs = entry.openedAtMs === null ? null : now - entry.openedAtMs;
    return { service: entry.spec.name, inFlight, held, ends, quietForMs: shorter(quietForMs, sinceOpenMs) };
  }

  fence(entry: ServiceEntry, ends: number): FenceResult {
    const { fence } = this.step(entry, { kind: 'fence', ends, token: randomId(16) });
    assert(fence, 'a fence is answered');
    return fence;
  }

  signalled(entry: ServiceEntry, token: string): 'accepted' | 'stale' {
    const { signalled } = this.step(entry, { kind: 'signalled', token });
    assert(signalled, 'signalled is answered');
    return signalled;
  }

  /** One event and all that follows from it. The caller flushes the table when its turn is over. */
  step(entry: ServiceEntry, event: GateEvent): Replies {
    const wasOpen = entry.gate.phase.kind === 'open';
    this.#replies = {};
    this.carryOut(entry, nextGate(entry.gate, event));
    const isOpen = entry.gate.phase.kind === 'open';
    // A fence that was refused within this step closed nothing that a worker could have noticed.
    if (wasOpen && !isOpen) this.#parts.table.closed(entry.spec.name);
    return this.#replies;
  }

  carryOut(entry: ServiceEntry, step: GateStep): void {
    const before = entry.gate.targets;
    const openedAtMs = isFence(entry.gate) ? entry.openedAtMs : this.#parts.nowMs();
    entry.gate = step.gate;
    for (const effect of step.effects) this.#apply(entry, effect, openedAtMs);
    this.#forgetTargets(entry, before);
  }

  /** A pause and a stop are above the gate: it goes on deciding, and its cell on the board stays closed meanwhile. */
  obeyOperator(entry: ServiceEntry): void {
    const { board, table, nowMs } = this.#parts;
    const mayPass = entry.gate.phase.kind === 'open' && !isShutByOperator(entry);
    const passes = board.gate(entry.row) !== 0;
    if (mayPass === passes) return;
    if (passes) {
      board.closeGate(entry.row);
      table.closed(entry.spec.name);
      return;
    }
    entry.openedAtMs = nowMs();
    board.openGate(entry.row, entry.gate.generation);
    table.opened(entry.spec.name);
  }

  #apply(entry: ServiceEntry, effect: GateEffect, openedAtMs: number | null): void {
    const { board, table, tellOwner } = this.#parts;
    const service = entry.spec.name;
    switch (effect.kind) {
      case 'close-gate':
        board.closeGate(entry.row);
        break;
      case 'open-gate':
        entry.openedAtMs = openedAtMs;
        if (!isShutByOperator(entry)) board.openGate(entry.row, effect.generation);
        break;
      case 'close-target':
        board.closeGate(entry.targets.get(effect.targetId)!.row);
        break;
      case 'open-target':
        board.openGate(entry.targets.get(effect.targetId)!.row, effect.generation);
        break;
      case 'change-table':
        assert(effect.generation === table.nextGeneration, 'a gate changes the table that is next');
        table.put(routeOf(entry));
        break;
      case 'announce':
        table.opened(service);
        break;
      case 'read-board':
        this.#readBoard(entry);
        break;
      case 'answer-held':
        table.refuse(service, effect.failure);
        break;
      case 'send-wake':
        tellOwner(entry.owner, { type: 'wake', service, cause: entry.wakeCause });
        break;
      case 'send-wake-if-held':
        if (this.activity(entry).held > 0)
          tellOwner(entry.owner, { type: 'wake', service, cause: entry.wakeCause });
        return;
      case 'send-answered':
        tellOwner(entry.owner, { type: 'answered', service, targetId: effect.targetId });
        break;
      case 'send-fence-lifted':
        tellOwner(entry.owner, { type: 'fence-lifted', service, token: effect.token });
        break;
      case 'reply-fence':
        this.#replies.fence = this.#fenceReply(entry, effect.result);
        return;
      case 'reply-signalled':
        this.#replies.signalled = effect.result;
        return;
    }
  }

  #readBoard(entry: ServiceEntry): void {
    const reading = this.#parts.board.totals(entry.row, this.#parts.nowMs());
    this.carryOut(entry, nextGate(entry.gate, { kind: 'board-read', reading }));
  }

  #fenceReply(entry: ServiceEntry, result: 'refused' | { readonly token: string }): FenceResult {
    if (result === 'refused') return { kind: 'refused', activity: this.activity(entry) };
    return { kind: 'fenced', token: result.token };
  }

  /** Those that the gate no longer has: their rows go on counting until they are quiet. */
  #forgetTargets(entry: ServiceEntry, before: readonly { readonly id: string }[]): void {
    const { table, drains } = this.#parts;
    for (const { id } of before) {
      if (entry.gate.targets.some((target) => target.id === id)) continue;
      const target = entry.targets.get(id);
      if (!target) continue;
      entry.targets.delete(id);
      const { host, port } = target.spec;
      const generation = table.nextGeneration;
      drains.depart({ service: entry.spec.name, targetId: id, host, port, row: target.row, generation });
    }
  }
}

/** A fence that ends leaves the service as it was: nobody has used it, or there is an end that says so. */
function isFence({ phase }: Gate): boolean {
  return phase.kind === 'fencing' || phase.kind === 'fenced' || phase.kind === 'signalling';
}

function shorter(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
