/** What the daemon can do next: one operation on the board of the turn it is in, or the beginning of a turn. */
import { beginReading } from '../../src/edge/board/index.ts';
import type { GateEffect, GateEvent } from '../../src/proxy/gates/index.ts';
import { BoardCells, emptyColumn } from './board-cells.ts';
import type { Protocol } from './protocol.ts';
import type {
  Activity,
  Daemon,
  Duty,
  Move,
  ReadingPurpose,
  ToControl,
  ToDaemon,
  ToWorker,
  World,
} from './world.ts';
import { INSTANCE, ROW_CELLS, ROWS, SERVICE_ROW, TARGET_ROW, Violation, withLane } from './world.ts';

const failure = { code: 'start_failed', message: 'it did not start', retryAfterMs: 1_000 };

export function* daemonMoves(world: World, protocol: Protocol): Generator<Move> {
  const { daemon } = world;
  if (daemon.reading) {
    const label = `daemon reads ${daemon.reading.at.part} of column ${daemon.reading.at.column + 1}`;
    yield { label, isFair: true, world: settle(read(world, protocol), protocol) };
    return;
  }
  const duty = daemon.duties[0];
  if (duty) {
    yield { label: `daemon: ${dutyText(duty)}`, isFair: true, world: settle(operate(world), protocol) };
    return;
  }
  yield* beginnings(world, protocol);
}

function* beginnings(world: World, protocol: Protocol): Generator<Move> {
  const { daemon } = world;
  const begin = (label: string, isFair: boolean, from: World, duties: readonly Duty[]): Move => {
    const begun = { ...from, daemon: { ...from.daemon, duties } };
    return { label, isFair, world: settle(begun, protocol) };
  };
  const message = world.toDaemon[0];
  if (message) {
    const taken = { ...world, toDaemon: world.toDaemon.slice(1) };
    const [from, duties] = hear(taken, message);
    yield begin(`daemon hears ${message.kind}`, true, from, duties);
  }
  for (const [index, lane] of world.lanes.entries()) {
    if (!lane.isAlive || lane.wakes === 0) continue;
    const heard = withLane(world, index, { wakes: lane.wakes - 1 });
    yield begin(`daemon hears wake of worker ${index + 1}`, true, heard, [event({ kind: 'wake' })]);
  }
  const isStarting = daemon.gate.targets.some(({ state }) => state === 'starting');
  if (isStarting && world.engine.instance === 'listening') {
    const answered: GateEvent = {
      kind: 'target-answered',
      targetId: INSTANCE,
      generation: daemon.generation + 1,
    };
    yield begin('the instance answers a probe', true, world, [event(answered)]);
  }
  const dead = daemon.unfolded[0];
  if (dead !== undefined) yield begin(`daemon folds worker ${dead + 1}`, true, fold(world, dead), []);
  if (daemon.drain !== null && targetIsQuiet(world)) {
    const from = { ...world, daemon: { ...daemon, drain: null } };
    yield begin('daemon sees the target drained', true, from, [send({ kind: 'drained', id: daemon.drain })]);
  }
  // Reports of a busy service only keep the control plane from sleeping: without them it is more eager than in truth.
  // They would also repair a wake that was lost, and so hide it.
  const news = totals(world);
  const isQuiet = news.inFlight === 0 && news.held === 0 && daemon.gate.link === 'ready';
  if (isQuiet && world.toControl.length === 0 && !sameActivity(daemon.told, news)) {
    yield begin('daemon tells of the activity', false, world, [{ kind: 'read', why: 'activity' }]);
  }
}

function hear(world: World, message: ToDaemon): [World, Duty[]] {
  const { daemon } = world;
  const generation = daemon.generation + 1;
  switch (message.kind) {
    case 'hello':
      return [world, [event({ kind: 'link-made' }), { kind: 'read', why: 'welcome' }]];
    case 'snapshot':
    case 'publish': {
      const isSnapshot = message.kind === 'snapshot';
      const { publication } = message;
      const published = event({ kind: 'published', targets: publication.targets, isSnapshot, generation });
      if (!isSnapshot) return [world, [published, send({ kind: 'published', publication })]];
      return [world, [published, send({ kind: 'ready' }), event({ kind: 'link-ready' })]];
    }
    case 'fence': {
      const token = `f${daemon.fences + 1}`;
      const counted = { ...world, daemon: { ...daemon, fences: daemon.fences + 1 } };
      return [counted, [event({ kind: 'fence', ends: message.ends, token })]];
    }
    case 'signalled': {
      const named = { ...world, daemon: { ...daemon, signalledToken: message.token } };
      return [named, [event({ kind: 'signalled', token: message.token })]];
    }
    case 'lift':
      return [world, [event({ kind: 'lift', token: message.token })]];
    case 'wake-failed':
      return [world, [event({ kind: 'wake-failed', failure })]];
    case 'drain':
      return [{ ...world, daemon: { ...daemon, drain: message.id } }, []];
    case 'end-of-link':
      return [{ ...world, daemon: { ...daemon, drain: null } }, [event({ kind: 'link-lost' })]];
  }
}

/** Carries on until the next operation on the board: what no worker can see is no step of its own. */
function settle(world: World, protocol: Protocol): World {
  let now = world;
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

function stepGate(world: World, gateEvent: GateEvent, protocol: Protocol): World {
  const before = world.daemon.gate;
  const { gate, effects } = protocol.nextGate(before, gateEvent);
  if (before.phase.kind === 'fencing' && gate.phase.kind === 'fenced') checkQuiet(world, before.phase.ends);
  const duties = effects.map((effect): Duty => ({ kind: 'effect', effect }));
  // As the daemon's gate runner does: at the end of a step that closed an open gate.
  const wasOpen = before.phase.kind === 'open' || before.phase.kind === 'fencing';
  const isShut = gate.phase.kind === 'closed' || gate.phase.kind === 'fenced';
  if (protocol.wakeRule.hearsClosings && wasOpen && isShut) duties.push({ kind: 'tell-closed' });
  return { ...world, daemon: { ...world.daemon, gate, duties: [...duties, ...world.daemon.duties] } };
}

/** What a granted fence promises: nothing runs, and nothing has ended that its owner does not know of. */
function checkQuiet(world: World, ends: number): void {
  if (world.lanes.some(({ running, quiet }) => running + quiet > 0))
    throw new Violation('a fence is granted to a busy service');
  if (totals(world).ends !== ends)
    throw new Violation('a fence is granted although an exchange has ended since');
}

function touchesBoard({ kind }: GateEffect): boolean {
  return kind === 'close-gate' || kind === 'open-gate' || kind === 'close-target' || kind === 'open-target';
}

/** One store to a gate cell. */
function operate(world: World): World {
  const [duty, ...duties] = world.daemon.duties;
  const cells = new BoardCells(world);
  if (duty?.kind === 'effect') {
    const { effect } = duty;
    if (effect.kind === 'close-gate') cells.store(SERVICE_ROW, 0);
    if (effect.kind === 'open-gate') cells.store(SERVICE_ROW, effect.generation);
    if (effect.kind === 'close-target') cells.store(TARGET_ROW, 0);
    if (effect.kind === 'open-target') cells.store(TARGET_ROW, effect.generation);
  }
  return { ...cells.in(world), daemon: { ...world.daemon, duties } };
}

function carryOut(world: World, effect: GateEffect, protocol: Protocol): World {
  const { daemon } = world;
  switch (effect.kind) {
    case 'change-table': {
      const { generation } = effect;
      const changed = { ...world, daemon: { ...daemon, generation } };
      return toWorkers(changed, { kind: 'table', generation, targets: daemon.gate.targets });
    }
    case 'announce':
      return toWorkers(world, { kind: 'look-again' });
    case 'answer-held':
      return toWorkers(world, { kind: 'refuse' });
    case 'read-board':
      return beginToRead(world, 'gate', protocol);
    case 'send-wake':
      return sendNow(world, { kind: 'wake' });
    case 'send-wake-if-held':
      return beginToRead(world, 'wake', protocol);
    case 'send-answered':
      return sendNow(world, { kind: 'answered', id: effect.targetId });
    case 'send-fence-lifted':
      return sendNow(world, { kind: 'lifted', token: effect.token });
    case 'reply-fence':
      if (effect.result === 'refused') return beginToRead(world, 'refusal', protocol);
      return sendNow(world, { kind: 'fenced', token: effect.result.token });
    case 'reply-signalled': {
      const token = daemon.signalledToken ?? '';
      const replied = { ...world, daemon: { ...daemon, signalledToken: null } };
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
function beginToRead(world: World, why: ReadingPurpose, protocol: Protocol): World {
  const isDecisive = why === 'gate' || why === 'wake';
  if (!isDecisive) return afterReading(world, why, totals(world), protocol);
  return { ...world, daemon: { ...world.daemon, reading: { why, at: beginReading() } } };
}

/** One load that somebody could interfere with; columns that nobody writes are read along. */
function read(world: World, protocol: Protocol): World {
  const { reading } = world.daemon;
  if (!reading) return world;
  const cells = new BoardCells(world);
  const at = { ...reading.at };
  do protocol.readingStep(at, cells, cells, SERVICE_ROW, 0);
  while (!isRead(at.part) && !world.lanes[at.column]?.isAlive);
  if (!isRead(at.part)) return { ...world, daemon: { ...world.daemon, reading: { why: reading.why, at } } };
  const { inFlight, held, ends } = at;
  const done = { ...world, daemon: { ...world.daemon, reading: null } };
  return afterReading(done, reading.why, { inFlight, held, ends }, protocol);
}

function isRead(part: string): boolean {
  return part === 'ended-at' || part === 'done';
}

function afterReading(world: World, why: ReadingPurpose, activity: Activity, protocol: Protocol): World {
  const { daemon } = world;
  const told = { ...world, daemon: { ...daemon, told: activity } };
  switch (why) {
    case 'gate':
      return stepGate(world, { kind: 'board-read', reading: activity }, protocol);
    case 'wake':
      return activity.held > 0 ? sendNow(world, { kind: 'wake' }) : world;
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
function fold(world: World, index: number): World {
  const { cells } = world.lanes[index]!;
  const own = world.own.map((value, at) => {
    if (at % ROW_CELLS !== 2) return value;
    return value + cells[at]! + cells[at - 2]!;
  });
  return {
    ...world,
    own,
    lanes: world.lanes.with(index, { ...world.lanes[index]!, cells: emptyColumn() }),
    daemon: { ...world.daemon, unfolded: world.daemon.unfolded.slice(1) },
  };
}

function totals(world: World): Activity {
  const columns = [...world.lanes.map(({ cells }) => cells), world.own];
  const sum = (offset: number): number => columns.reduce((all, cells) => all + cells[offset]!, 0);
  return { inFlight: sum(0), held: sum(1), ends: sum(2) };
}

function targetIsQuiet(world: World): boolean {
  return world.lanes.every(({ cells }) => cells[TARGET_ROW * ROW_CELLS] === 0);
}

function sameActivity(a: Activity | null, b: Activity): boolean {
  return a !== null && a.inFlight === b.inFlight && a.held === b.held && a.ends === b.ends;
}

function toWorkers(world: World, message: ToWorker): World {
  const lanes = world.lanes.map((lane) =>
    lane.isAlive ? { ...lane, inbox: [...lane.inbox, message] } : lane,
  );
  return { ...world, lanes };
}

/** What is said to a link that is gone is lost. */
function sendNow(world: World, message: ToControl): World {
  const isCut = world.toDaemon.some(({ kind }) => kind === 'end-of-link');
  if (world.daemon.gate.link === 'down' || isCut) return world;
  return { ...world, toControl: [...world.toControl, message] };
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
    drain: null,
    signalledToken: null,
    unfolded: [],
  };
}

export const noGates: readonly number[] = new Array<number>(ROWS).fill(0);
