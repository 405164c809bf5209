/** What the daemon can do next: one operation on the board of the turn it is in, or the beginning of a turn. */
import { beginReading } from '../../src/edge/board/index.ts';
import type { Gate, GateEffect, GateEvent } from '../../src/proxy/gates/index.ts';
import { BoardCells, emptyColumn, rowIn } from './board-cells.ts';
import type { Protocol } from './protocol.ts';
import type {
  Activity,
  Daemon,
  DaemonSide,
  Duty,
  Move,
  ReadingPurpose,
  ToControl,
  ToDaemon,
  ToWorker,
} from './world.ts';
import { ROW_CELLS, ROWS, SERVICE_ROW, TARGET_ROW, targetRow, Violation } from './world.ts';

const failure = { code: 'start_failed', message: 'it did not start', retryAfterMs: 1_000 };

type DaemonMove = Move<DaemonSide>;

export function* daemonMoves(side: DaemonSide, protocol: Protocol): Generator<DaemonMove> {
  const { daemon } = side;
  if (daemon.reading) {
    const label = `daemon reads ${daemon.reading.at.part}`;
    for (const next of readings(side, protocol)) {
      yield { label, isFair: true, side: settle(next, protocol) };
    }
    return;
  }
  const duty = daemon.duties[0];
  if (duty) {
    yield { label: `daemon: ${dutyText(duty)}`, isFair: true, side: settle(operate(side), protocol) };
    return;
  }
  yield* beginnings(side, protocol);
}

function* beginnings(side: DaemonSide, protocol: Protocol): Generator<DaemonMove> {
  const { daemon } = side;
  const begin = (label: string, isFair: boolean, from: DaemonSide, duties: readonly Duty[]): DaemonMove => {
    const begun = { ...from, daemon: { ...from.daemon, duties } };
    return { label, isFair, side: settle(begun, protocol) };
  };
  const message = side.toDaemon[0];
  if (message) {
    const taken = { ...side, toDaemon: side.toDaemon.slice(1) };
    const [from, duties] = hear(taken, message);
    yield begin(`daemon hears ${message.kind}`, true, from, duties);
  }
  for (const [index, lane] of side.lanes.entries()) {
    if (lane.life === 'dead') yield begin('daemon folds a worker', true, fold(side, index), []);
    if (lane.life !== 'alive' || lane.wakes === 0) continue;
    const heard = { ...side, lanes: side.lanes.with(index, { ...lane, wakes: lane.wakes - 1 }) };
    yield begin('daemon hears wake of a worker', true, heard, [event({ kind: 'wake' })]);
  }
  for (const { id, state } of daemon.gate.targets) {
    if (state !== 'starting' || side.instances[targetRow(id) - TARGET_ROW] !== 'listening') continue;
    const answered: GateEvent = {
      kind: 'target-answered',
      targetId: id,
      generation: daemon.generation + 1,
    };
    yield begin(`${id} answers a probe`, true, side, [event(answered)]);
  }
  for (const id of daemon.drains) {
    if (!targetIsQuiet(side, id)) continue;
    const drains = daemon.drains.filter((other) => other !== id);
    const from = { ...side, daemon: { ...daemon, drains } };
    yield begin('daemon sees a target drained', true, from, [send({ kind: 'drained', id })]);
  }
  // Reports of a busy service only keep the control plane from sleeping: without them it is more eager than in truth.
  // They would also repair a wake that was lost, and so hide it.
  const news = totals(side);
  const isQuiet = news.inFlight === 0 && news.held === 0 && daemon.gate.link === 'ready';
  if (isQuiet && side.toControl.length === 0 && !sameActivity(daemon.told, news)) {
    yield begin('daemon tells of the activity', false, side, [{ kind: 'read', why: 'activity' }]);
  }
}

function hear(side: DaemonSide, message: ToDaemon): [DaemonSide, Duty[]] {
  const { daemon } = side;
  const generation = daemon.generation + 1;
  switch (message.kind) {
    case 'hello':
      return [side, [event({ kind: 'link-made' }), { kind: 'read', why: 'welcome' }]];
    case 'snapshot':
    case 'publish': {
      const isSnapshot = message.kind === 'snapshot';
      const { publication } = message;
      const published = event({ kind: 'published', targets: publication.targets, isSnapshot, generation });
      if (!isSnapshot) return [side, [published, send({ kind: 'published', publication })]];
      return [side, [published, send({ kind: 'ready' }), event({ kind: 'link-ready' })]];
    }
    case 'fence': {
      const token = `f${daemon.fences + 1}`;
      const counted = { ...side, daemon: { ...daemon, fences: daemon.fences + 1 } };
      return [counted, [event({ kind: 'fence', ends: message.ends, token })]];
    }
    case 'signalled': {
      const named = { ...side, daemon: { ...daemon, signalledToken: message.token } };
      return [named, [event({ kind: 'signalled', token: message.token })]];
    }
    case 'lift':
      return [side, [event({ kind: 'lift', token: message.token })]];
    case 'wake-failed':
      return [side, [event({ kind: 'wake-failed', failure })]];
    case 'drain':
      return [{ ...side, daemon: { ...daemon, drains: [...daemon.drains, message.id] } }, []];
    case 'end-of-link':
      return [{ ...side, daemon: { ...daemon, drains: [] } }, [event({ kind: 'link-lost' })]];
  }
}

/** Carries on until the next operation on the board: what no worker can see is no step of its own. */
function settle(side: DaemonSide, protocol: Protocol): DaemonSide {
  let now = side;
  for (let duty = now.daemon.duties[0]; duty && !now.daemon.reading; duty = now.daemon.duties[0]) {
    if (duty.kind === 'effect' && touchesBoard(duty.effect)) return now;
    const rest = now.daemon.duties.slice(1);
    now = { ...now, daemon: { ...now.daemon, duties: rest } };
    if (duty.kind === 'send') now = sendNow(now, duty.message);
    else if (duty.kind === 'read') now = beginToRead(now, duty.why, protocol);
    else if (duty.kind === 'tell-closed') now = toWorkers(now, { kind: 'closed' });
    else if (duty.kind === 'event') now = stepGate(now, duty.event, protocol);
    else now = carryOut(now, duty.effect, protocol);
  }
  return now;
}

function stepGate(side: DaemonSide, gateEvent: GateEvent, protocol: Protocol): DaemonSide {
  const before = side.daemon.gate;
  const { gate, effects } = protocol.nextGate(before, gateEvent);
  if (before.phase.kind === 'fencing' && gate.phase.kind === 'fenced') checkQuiet(side, before.phase.ends);
  const duties = effects.map((effect): Duty => ({ kind: 'effect', effect }));
  // As the daemon's gate runner does: at the end of a step that closed an open gate.
  const wasOpen = before.phase.kind === 'open' || before.phase.kind === 'fencing';
  const isShut = gate.phase.kind === 'closed' || gate.phase.kind === 'fenced';
  if (protocol.wakeRule.hearsClosings && wasOpen && isShut) duties.push({ kind: 'tell-closed' });
  return { ...side, daemon: { ...side.daemon, gate, duties: [...duties, ...side.daemon.duties] } };
}

/** What a granted fence promises: nothing runs, and nothing has ended that its owner does not know of. */
function checkQuiet(side: DaemonSide, ends: number): void {
  if (side.lanes.some(({ running, quiet }) => quiet > 0 || running.some((count) => count > 0)))
    throw new Violation('a fence is granted to a busy service');
  if (totals(side).ends !== ends)
    throw new Violation('a fence is granted although an exchange has ended since');
}

function touchesBoard({ kind }: GateEffect): boolean {
  return kind === 'close-gate' || kind === 'open-gate' || kind === 'close-target' || kind === 'open-target';
}

/** One store to a gate cell. */
function operate(side: DaemonSide): DaemonSide {
  const [duty, ...duties] = side.daemon.duties;
  const gates = duty?.kind === 'effect' ? gatesAfter(side.gates, duty.effect) : side.gates;
  return { ...side, gates, daemon: { ...side.daemon, duties } };
}

function gatesAfter(gates: readonly number[], effect: GateEffect): readonly number[] {
  switch (effect.kind) {
    case 'close-gate':
      return gates.with(SERVICE_ROW, 0);
    case 'open-gate':
      return gates.with(SERVICE_ROW, effect.generation);
    case 'close-target':
      return gates.with(targetRow(effect.targetId), 0);
    case 'open-target':
      return gates.with(targetRow(effect.targetId), effect.generation);
    default:
      return gates;
  }
}

function carryOut(side: DaemonSide, effect: GateEffect, protocol: Protocol): DaemonSide {
  const { daemon } = side;
  switch (effect.kind) {
    case 'change-table': {
      const { generation } = effect;
      const changed = { ...side, daemon: { ...daemon, generation } };
      return toWorkers(changed, { kind: 'table', generation, targets: daemon.gate.targets });
    }
    case 'announce':
      return toWorkers(side, { kind: 'look-again' });
    case 'answer-held':
      return toWorkers(side, { kind: 'refuse' });
    case 'read-board':
      return beginToRead(side, 'gate', protocol);
    case 'send-wake':
      return sendNow(side, { kind: 'wake' });
    case 'send-wake-if-held':
      return beginToRead(side, 'wake', protocol);
    case 'send-answered':
      return sendNow(side, { kind: 'answered', id: effect.targetId });
    case 'send-fence-lifted':
      return sendNow(side, { kind: 'lifted', token: effect.token });
    case 'reply-fence':
      if (effect.result === 'refused') return beginToRead(side, 'refusal', protocol);
      return sendNow(side, { kind: 'fenced', token: effect.result.token });
    case 'reply-signalled': {
      const token = daemon.signalledToken ?? '';
      const replied = { ...side, daemon: { ...daemon, signalledToken: null } };
      return sendNow(replied, {
        kind: effect.result === 'accepted' ? 'signal-accepted' : 'signal-stale',
        token,
      });
    }
    default:
      throw new Error(`${effect.kind} is an operation on the board`);
  }
}

/** What only informs is read at once; what decides is read one cell at a time. */
function beginToRead(side: DaemonSide, why: ReadingPurpose, protocol: Protocol): DaemonSide {
  const isDecisive = why === 'gate' || why === 'wake';
  if (!isDecisive) return afterReading(side, why, totals(side), protocol);
  return { ...side, daemon: { ...side.daemon, reading: { why, at: beginReading() } } };
}

/**
 * One load that somebody could interfere with, of any column that was not read in this part: the daemon reads them in one
 * order, but workers are known only by what they do, so each order must do. Columns that nobody writes are read along.
 */
function* readings(side: DaemonSide, protocol: Protocol): Generator<DaemonSide> {
  const { reading } = side.daemon;
  if (!reading) return;
  const left = [...side.lanes.keys()].filter((index) => {
    const { life, wasRead } = side.lanes[index]!;
    return life === 'alive' && !wasRead;
  });
  if (left.length <= 1) yield readPart(side, reading, left, protocol);
  else for (const index of left) yield readOne(side, reading, index, protocol);
}

type Reading = NonNullable<Daemon['reading']>;

function readOne(
  side: DaemonSide,
  { why, at: before }: Reading,
  index: number,
  protocol: Protocol,
): DaemonSide {
  const at = { ...before };
  load(side, at, index, protocol);
  if (isDecided(side.daemon.gate, why, at, protocol)) return afterLast(side, why, at, protocol);
  const lanes = side.lanes.with(index, { ...side.lanes[index]!, wasRead: true });
  return { ...side, lanes, daemon: { ...side.daemon, reading: { why, at } } };
}

/** The last of the columns, and those that nobody writes: the part is over. */
function readPart(
  side: DaemonSide,
  reading: Reading,
  last: readonly number[],
  protocol: Protocol,
): DaemonSide {
  const at = { ...reading.at };
  const quiet = [...side.lanes.keys()].filter((index) => {
    const { life, wasRead } = side.lanes[index]!;
    return life !== 'alive' && !wasRead;
  });
  for (const index of [...last, ...quiet, side.lanes.length]) load(side, at, index, protocol);
  if (isDecided(side.daemon.gate, reading.why, at, protocol))
    return afterLast(side, reading.why, at, protocol);
  return { ...unread(side), daemon: { ...side.daemon, reading: { why: reading.why, at } } };
}

function afterLast(side: DaemonSide, why: ReadingPurpose, at: Reading['at'], protocol: Protocol): DaemonSide {
  const { inFlight, held, ends } = at;
  const done = { ...unread(side), daemon: { ...side.daemon, reading: null } };
  return afterReading(done, why, { inFlight, held, ends }, protocol);
}

function unread(side: DaemonSide): DaemonSide {
  return { ...side, lanes: side.lanes.map((lane) => (lane.wasRead ? { ...lane, wasRead: false } : lane)) };
}

/** Whatever the cells say that are still to be read: to read them, too, would change nothing. */
function isDecided(gate: Gate, why: ReadingPurpose, at: Reading['at'], protocol: Protocol): boolean {
  const [isOpenInFlight, isOpenHeld, isOpenEnds] = ['in-flight', 'held', 'ends'].map(
    (_, index, parts) => parts.includes(at.part) && parts.indexOf(at.part) <= index,
  );
  const { inFlight, held, ends } = at;
  if (why === 'wake') return held > 0 || !isOpenHeld;
  const known = 'ends' in gate.phase ? gate.phase.ends : ends;
  const said = new Set<string>();
  for (const more of isOpenInFlight ? [0, 1] : [0]) {
    for (const moreHeld of isOpenHeld ? [0, 1] : [0]) {
      for (const other of isOpenEnds ? [known, known + 1] : [ends]) {
        const reading = { inFlight: inFlight + more, held: held + moreHeld, ends: other };
        said.add(JSON.stringify(protocol.nextGate(gate, { kind: 'board-read', reading })));
      }
    }
  }
  return said.size === 1;
}

function load(side: DaemonSide, at: Reading['at'], column: number, protocol: Protocol): void {
  const board = new BoardCells(side.gates, columnsOf(side));
  const layout = { columns: board.columns, rowCell: (row: number) => board.rowCell(row, column) };
  protocol.readingStep(at, board, layout, SERVICE_ROW, 0);
}

function columnsOf({ lanes, own }: DaemonSide): readonly (readonly number[])[] {
  return [...lanes.map(({ cells }) => cells), own];
}

function afterReading(
  side: DaemonSide,
  why: ReadingPurpose,
  activity: Activity,
  protocol: Protocol,
): DaemonSide {
  const { daemon } = side;
  const told = { ...side, daemon: { ...daemon, told: activity } };
  switch (why) {
    case 'gate':
      return stepGate(side, { kind: 'board-read', reading: activity }, protocol);
    case 'wake':
      return activity.held > 0 ? sendNow(side, { kind: 'wake' }) : side;
    case 'refusal':
      return sendNow(told, { kind: 'fence-refused', activity });
    case 'activity':
      return sendNow(told, { kind: 'activity', activity });
    case 'welcome': {
      const { targets, phase } = daemon.gate;
      return sendNow(told, { kind: 'welcome', activity, targets, isOpen: phase.kind === 'open' });
    }
  }
}

/** The in-flight of a dead worker ended with it. */
function fold(side: DaemonSide, index: number): DaemonSide {
  const lane = side.lanes[index]!;
  const own = side.own.map((value, at) => {
    if (at % ROW_CELLS !== 2) return value;
    return value + lane.cells[at]! + lane.cells[at - 2]!;
  });
  const folded = { ...lane, life: 'folded' as const, cells: emptyColumn() };
  return { ...side, own, lanes: side.lanes.with(index, folded) };
}

function totals(side: DaemonSide): Activity {
  const columns = columnsOf(side);
  const sum = (offset: number): number => columns.reduce((all, cells) => all + cells[offset]!, 0);
  return { inFlight: sum(0), held: sum(1), ends: sum(2) };
}

function targetIsQuiet({ lanes }: DaemonSide, id: string): boolean {
  return lanes.every(({ cells }) => cells[rowIn(targetRow(id))] === 0);
}

function sameActivity(a: Activity | null, b: Activity): boolean {
  return a !== null && a.inFlight === b.inFlight && a.held === b.held && a.ends === b.ends;
}

function toWorkers(side: DaemonSide, message: ToWorker): DaemonSide {
  const lanes = side.lanes.map((lane) =>
    lane.life === 'alive' ? { ...lane, inbox: [...lane.inbox, message] } : lane,
  );
  return { ...side, lanes };
}

/** What is said to a link that is gone is lost. */
function sendNow(side: DaemonSide, message: ToControl): DaemonSide {
  const isCut = side.toDaemon.some(({ kind }) => kind === 'end-of-link');
  if (side.daemon.gate.link === 'down' || isCut) return side;
  return { ...side, toControl: [...side.toControl, message] };
}

function event(gateEvent: GateEvent): Duty {
  return { kind: 'event', event: gateEvent };
}

function send(message: ToControl): Duty {
  return { kind: 'send', message };
}

function dutyText(duty: Duty): string {
  return duty.kind === 'effect' ? duty.effect.kind : duty.kind;
}

export function newDaemon(gate: Daemon['gate']): Daemon {
  return {
    gate,
    generation: 0,
    duties: [],
    reading: null,
    fences: 0,
    told: null,
    drains: [],
    signalledToken: null,
  };
}

export const noGates: readonly number[] = new Array<number>(ROWS).fill(0);
