import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../base/manual-clock.ts';
import type { BoardColumn } from '../../edge/board/index.ts';
import { Board, RowAllocator } from '../../edge/board/index.ts';
import type { ServiceSpec, TargetSpec } from '../client/contract.ts';
import { PLAIN_ISSUANCE, PLAIN_OPTIONS } from '../client/plain-options.ts';
import type { Gate } from '../gates/index.ts';
import type { ToControl } from '../link/messages.ts';
import type { ToWorker } from '../workers/worker-protocol.ts';
import type { Deployment } from './deployment.ts';
import { Registry } from './registry.ts';
import { RouteTable } from './route-table.ts';

const ROWS = 64;
const WORKER = 1;

let dir: string;
let clock: ManualClock;
let board: Board;
let rows: RowAllocator;
let worker: BoardColumn;
let told: ToWorker[];
let heard: ToControl[];
let probed: string[];
let answerProbe: Map<string, () => void>;
let link: Gate['link'];
let table: RouteTable;
let registry: Registry;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'luma-registry-'));
  clock = new ManualClock();
  board = Board.create(join(dir, 'board'), { rows: ROWS, columns: 4 });
  rows = new RowAllocator(board);
  worker = board.column(WORKER);
  told = [];
  heard = [];
  probed = [];
  answerProbe = new Map();
  link = 'ready';
  table = new RouteTable(0, (message) => told.push(message));
  registry = new Registry({
    board,
    rows,
    table,
    clock,
    nowMs: () => clock.monotonic() + 1,
    probe: (target) => {
      probed.push(target.id);
      return new Promise<void>((resolve) => answerProbe.set(target.id, resolve));
    },
    ownListeners: () => [{ hostname: '0.0.0.0', port: 80 }],
    linkState: () => link,
    tellOwner: (_owner, message) => heard.push(message),
    onChanged: () => {},
  });
  registry.open();
});
afterEach(() => {
  registry.close();
  rmSync(dir, { recursive: true });
});

const target = (id: string, more: Partial<TargetSpec> = {}): TargetSpec => ({
  id,
  host: '10.0.0.1',
  port: 3000,
  readiness: { kind: 'connect', path: null, timeoutMs: 100 },
  ...more,
});

const spec = (name: string, targets: TargetSpec[] = [], more: Partial<ServiceSpec> = {}): ServiceSpec => ({
  name,
  hosts: [`${name}.test`],
  pathPrefixes: ['/'],
  stripPathPrefix: false,
  traffic: 'forward',
  holdTimeoutMs: 1_000,
  responseTimeoutMs: 0,
  targetConcurrency: 0,
  waitMode: 'hold',
  quietRules: [],
  quietAfterMs: null,
  ...PLAIN_OPTIONS,
  issuance: PLAIN_ISSUANCE,
  targets,
  ...more,
});

const types = (): string[] => told.map(({ type }) => type);
const rowOf = (name: string): number => registry.find(name)!.row;

function awake(name = 'hello'): void {
  registry.publish('a', spec(name, [target('i1')]));
  registry.answered(name, 'i1', table.generation);
}

describe('what workers are told', () => {
  test('a table before the announcement of its gate, all in the turn of the answer', () => {
    registry.publish('a', spec('hello', [target('i1')]));
    expect(types()).toEqual(['change']);
    told.length = 0;
    registry.answered('hello', 'i1', table.generation);
    expect(types()).toEqual(['change', 'opened']);
    expect(board.gate(rowOf('hello'))).toBe(2);
    expect(worker.enter(rowOf('hello'), 1)).toBe('held');
    expect(worker.again(rowOf('hello'), 2)).toBe('passed');
  });

  test('nothing for a service that is published again unchanged', () => {
    awake();
    told.length = 0;
    registry.publish('a', spec('hello', [target('i1')]));
    expect(told).toEqual([]);
  });

  test('one change for a whole snapshot', () => {
    const specs = Array.from({ length: 10 }, (_, index) => spec(`s${index}`));
    expect(registry.snapshot('a', specs)).toEqual([]);
    expect(types()).toEqual(['change']);
    expect(table.generation).toBe(1);
  });

  test('new settings of a service under a fence, but no opening of it', () => {
    awake();
    const fence = registry.fence('a', 'hello', 0);
    if (fence.kind === 'refused') throw new Error('refused');
    registry.signalled('a', 'hello', fence.token);
    told.length = 0;
    registry.publish('a', spec('hello', [target('i1')], { holdTimeoutMs: 5_000 }));
    expect(types()).toEqual(['change']);
    expect(board.gate(rowOf('hello'))).toBe(0);
  });

  test('a closing only where the gate stays closed', () => {
    awake();
    worker.enter(rowOf('hello'), 2);
    told.length = 0;
    expect(registry.fence('a', 'hello', 0).kind).toBe('refused');
    expect(types()).toEqual(['opened']);
    worker.end(rowOf('hello'), 1);
    told.length = 0;
    expect(registry.fence('a', 'hello', 1).kind).toBe('fenced');
    expect(types()).toEqual(['closed']);
  });
});

describe('probing', () => {
  test('is the daemon’s own while nobody holds, and its answer opens the gate', async () => {
    registry.publish('a', spec('hello', [target('i1')]));
    expect(probed).toEqual(['i1']);
    answerProbe.get('i1')!();
    await clock.advance(0);
    expect(heard).toEqual([{ type: 'answered', service: 'hello', targetId: 'i1' }]);
    expect(board.gate(rowOf('hello'))).not.toBe(0);
  });

  test('is left to a worker that holds a request, and taken up when that request goes', async () => {
    registry.publish('a', spec('hello'));
    worker.enter(rowOf('hello'), 1);
    registry.wake('hello');
    registry.publish('a', spec('hello', [target('i1')]));
    await clock.advance(1_000);
    expect(probed).toEqual([]);
    worker.leave(rowOf('hello'));
    await clock.advance(100);
    expect(probed).toEqual(['i1']);
  });

  test('ends with the target: a late answer of one that left opens nothing', async () => {
    registry.publish('a', spec('hello', [target('i1')]));
    registry.publish('a', spec('hello'));
    answerProbe.get('i1')!();
    await clock.advance(0);
    expect(heard).toEqual([]);
    expect(board.gate(rowOf('hello'))).toBe(0);
  });
});

describe('activity', () => {
  test('is told within 100 ms of a change, once, with the time since the last end', async () => {
    awake();
    await clock.advance(100);
    heard.length = 0;
    worker.enter(rowOf('hello'), 2);
    await clock.advance(100);
    worker.end(rowOf('hello'), clock.monotonic() + 1);
    await clock.advance(300);
    const seen = heard.flatMap((message) => (message.type === 'activity' ? message.changed : []));
    expect(seen).toEqual([
      { service: 'hello', inFlight: 1, held: 0, ends: 0, quietForMs: 200 },
      { service: 'hello', inFlight: 0, held: 0, ends: 1, quietForMs: 100 },
    ]);
  });

  test('of a quiet exchange that held a fence off is told when it is over, and is no use of the service', async () => {
    awake();
    await clock.advance(5_000);
    worker.tryEnterQuiet(rowOf('hello'), 2);
    const fence = registry.fence('a', 'hello', 0);
    expect(fence).toMatchObject({ kind: 'refused', activity: { inFlight: 1, ends: 0, quietForMs: 5_000 } });
    heard.length = 0;
    worker.endQuiet(rowOf('hello'));
    await clock.advance(100);
    const changed = [{ inFlight: 0, held: 0, ends: 0, quietForMs: 5_100 }];
    expect(heard).toMatchObject([{ type: 'activity', changed }]);
    expect(registry.fence('a', 'hello', 0).kind).toBe('fenced');
  });

  test('waits for its owner’s link to be settled', async () => {
    awake();
    await clock.advance(100);
    heard.length = 0;
    link = 'unsettled';
    worker.enter(rowOf('hello'), 2);
    await clock.advance(500);
    expect(heard).toEqual([]);
    link = 'ready';
    registry.linkReady('a');
    await clock.advance(100);
    expect(heard).toMatchObject([{ type: 'activity', changed: [{ inFlight: 1 }] }]);
  });

  test('costs no reading of services that are awake while nothing moves, and no delay when something does', async () => {
    awake();
    awake('other');
    await clock.advance(200);
    const totals = spyOn(board, 'totals');
    await clock.advance(10_000);
    expect(totals).not.toHaveBeenCalled();
    worker.enter(rowOf('other'), table.generation);
    heard.length = 0;
    await clock.advance(100);
    expect(heard).toMatchObject([{ type: 'activity', changed: [{ service: 'other', inFlight: 1 }] }]);
  });

  test('of a worker that died is told as well', async () => {
    awake();
    worker.enter(rowOf('hello'), 2);
    await clock.advance(200);
    heard.length = 0;
    board.foldColumn(WORKER, 0, clock.monotonic());
    await clock.advance(100);
    expect(heard).toMatchObject([{ type: 'activity', changed: [{ inFlight: 0, ends: 1 }] }]);
  });

  test('of the last exchange of a service that was closed is still told', async () => {
    awake();
    worker.enter(rowOf('hello'), 2);
    await clock.advance(100);
    registry.publish('a', spec('hello'));
    worker.end(rowOf('hello'), clock.monotonic());
    heard.length = 0;
    await clock.advance(100);
    expect(heard).toMatchObject([{ type: 'activity', changed: [{ inFlight: 0, ends: 1 }] }]);
  });
});

describe('a target that is expected', () => {
  const place = { id: 'i1', host: '10.0.0.1', port: 3000 };

  test('is told to workers while they hold, and reached when one of them says so', async () => {
    registry.publish('a', spec('hello'));
    worker.enter(rowOf('hello'), 1);
    told.length = 0;
    const isReached = registry.expect('a', 'hello', place);
    expect(told).toEqual([{ type: 'expect', service: 'hello', target: place }]);
    registry.reached('hello', 'another');
    registry.reached('hello', 'i1');
    expect(await isReached).toBe(true);
    registry.reached('hello', 'i1');
  });

  test('is not reached where nobody holds, nobody gets there in time, or it is expected anew', async () => {
    registry.publish('a', spec('hello'));
    told.length = 0;
    expect(await registry.expect('a', 'hello', place)).toBe(false);
    expect(told).toEqual([]);
    worker.enter(rowOf('hello'), 1);
    const first = registry.expect('a', 'hello', place);
    const second = registry.expect('a', 'hello', place);
    expect(await first).toBe(false);
    await clock.advance(2_000);
    expect(await second).toBe(false);
    expect(() => registry.expect('b', 'hello', place)).toThrow();
  });

  test('is ready at once when it is published as reached: one table, the gate open, its owner told', () => {
    registry.publish('a', spec('hello'));
    worker.enter(rowOf('hello'), 1);
    told.length = 0;
    heard.length = 0;
    registry.publish('a', spec('hello', [target('i1', { isReached: true })]));
    expect(types()).toEqual(['change', 'opened']);
    expect(told[0]).toMatchObject({ change: { put: [{ targets: [{ id: 'i1', state: 'ready' }] }] } });
    expect(worker.again(rowOf('hello'), table.generation)).toBe('passed');
    expect(heard).toMatchObject([{ type: 'answered', service: 'hello', targetId: 'i1' }]);
    expect(probed).toEqual([]);
  });

  test('is asked all the same where a snapshot says that it was reached', () => {
    registry.snapshot('a', [spec('hello', [target('i1', { isReached: true })])]);
    expect(board.gate(rowOf('hello'))).toBe(0);
    expect(probed).toEqual(['i1']);
  });
});

describe('rows', () => {
  test('of what left come back when workers know and nothing runs on them', async () => {
    rows.acknowledged(WORKER, 0);
    for (let round = 0; round < 3 * ROWS; round++) {
      registry.publish('a', spec('hello', [target(`i${round}`)]));
      registry.answered('hello', `i${round}`, table.generation);
      rows.acknowledged(WORKER, table.generation);
      await clock.advance(100);
    }
    expect(rows.takenCount).toBe(2);
  });

  test('that are not enough for a service leave everything as it was', () => {
    const many = Array.from({ length: ROWS }, (_, index) => target(`i${index}`));
    expect(() => registry.publish('a', spec('big', many))).toThrow('rows of the board are in use');
    expect(registry.find('big')).toBeUndefined();
    registry.publish('a', spec('small', many.slice(0, ROWS - 1)));
    expect(rows.takenCount).toBe(ROWS);
  });

  test('of a target that runs are kept until its last exchange ends', async () => {
    awake();
    const { row } = registry.find('hello')!.targets.get('i1')!;
    worker.tryEnterTarget(row, 2);
    registry.publish('a', spec('hello'));
    const drained = registry.drained('a', 'hello', 'i1', 10_000);
    await clock.advance(5_000);
    expect(rows.takenCount).toBe(2);
    worker.end(row, 1);
    await clock.advance(10);
    expect(await drained).toBe(true);
    expect(rows.takenCount).toBe(1);
  });
});

describe('drained', () => {
  test('is false when the time is over, and leaves no timer but its own beat', async () => {
    awake();
    const { row } = registry.find('hello')!.targets.get('i1')!;
    worker.tryEnterTarget(row, 2);
    registry.publish('a', spec('hello'));
    const drained = registry.drained('a', 'hello', 'i1', 50);
    await clock.advance(60);
    expect(await drained).toBe(false);
    expect(clock.armedCount).toBe(1);
  });

  test('knows a target whose service was removed', async () => {
    awake();
    const { row } = registry.find('hello')!.targets.get('i1')!;
    worker.tryEnterTarget(row, 2);
    registry.remove('a', 'hello');
    const drained = registry.drained('a', 'hello', 'i1', 1_000);
    worker.end(row, 1);
    await clock.advance(10);
    expect(await drained).toBe(true);
  });

  test('is true at once for one that nobody knows', async () => {
    expect(await registry.drained('a', 'nothing', 'i1', 1_000)).toBe(true);
  });
});

describe('owners', () => {
  test('cannot touch what is not theirs', () => {
    awake();
    expect(() => registry.publish('b', spec('hello'))).toThrow('belongs to the installation a');
    expect(() => registry.remove('b', 'hello')).toThrow('belongs to the installation a');
    expect(() => registry.fence('b', 'hello', 0)).toThrow('this owner has no service hello');
    expect(registry.signalled('b', 'hello', 'token')).toBe('stale');
    registry.snapshot('b', []);
    expect(registry.find('hello')?.owner).toBe('a');
  });

  test('whose snapshot has a bad service keep that one as it was, and get all the others', () => {
    registry.publish('a', spec('loop'));
    const conflicts = registry.snapshot('a', [
      spec('loop', [target('i1', { host: '127.0.0.1', port: 80 })]),
      spec('fine'),
    ]);
    expect(conflicts).toEqual([
      { service: 'loop', host: 'loop.test', owner: '127.0.0.1:80 is luma-proxy itself' },
    ]);
    expect(registry.find('loop')?.spec.targets).toEqual([]);
    expect(registry.find('fine')).toBeDefined();
  });

  test('lose in a snapshot a service whose host went to another of theirs', () => {
    registry.snapshot('a', [spec('one', [], { hosts: ['shop.test'] })]);
    const conflicts = registry.snapshot('a', [
      spec('two', [], { hosts: ['shop.test'] }),
      spec('one', [], { hosts: ['shop.test'] }),
    ]);
    expect(conflicts).toMatchObject([{ service: 'two', host: 'shop.test' }]);
    expect(registry.entries.map(({ spec: { name } }) => name)).toEqual(['one']);
  });
});

test('a new worker makes every held request heard again', () => {
  registry.publish('a', spec('hello'));
  worker.enter(rowOf('hello'), 1);
  registry.raiseHeld();
  expect(heard).toEqual([{ type: 'wake', service: 'hello', cause: null }]);
});

describe('what a worker says by an older table', () => {
  test('is not believed of a target that left and came back', () => {
    registry.publish('a', spec('hello', [target('i1')]));
    const byEarlierLife = table.generation;
    registry.publish('a', spec('hello'));
    registry.publish('a', spec('hello', [target('i1')]));
    registry.answered('hello', 'i1', byEarlierLife);
    expect(board.gate(rowOf('hello'))).toBe(0);
    registry.answered('hello', 'i1', table.generation);
    expect(board.gate(rowOf('hello'))).toBe(table.generation);
  });

  test('is believed of a target that was there by then, whatever else has changed since', () => {
    registry.publish('a', spec('hello', [target('i1')]));
    const byThen = table.generation;
    registry.publish('a', spec('other'));
    registry.answered('hello', 'i1', byThen);
    expect(board.gate(rowOf('hello'))).not.toBe(0);
  });
});

describe('a deployment', () => {
  const { split: _split, affinityCookie: _cookie, ...options } = PLAIN_OPTIONS;
  const PLAIN_DEPLOYMENT = { ...options, issuance: PLAIN_ISSUANCE, sessionAffinity: false, rollout: null };
  const deployment = (targets: readonly string[], more: Partial<Deployment> = {}): Deployment => ({
    hosts: ['shop.test'],
    pathPrefixes: ['/'],
    stripPathPrefix: false,
    responseTimeoutMs: 0,
    healthCheck: { path: null, intervalMs: 1_000, timeoutMs: 5_000, port: null, host: null },
    ...PLAIN_DEPLOYMENT,
    targets: targets.map((id) => ({ id, host: '10.0.0.1', port: 3000 })),
    traffic: { kind: 'forward' },
    ...more,
  });
  const paused = { traffic: { kind: 'paused', maxPauseMs: 5_000 } } as const;

  test('is open at once: its targets have been asked before', () => {
    registry.deploy('shop', deployment(['t1']));
    expect(board.gate(rowOf('shop'))).toBe(table.generation);
    expect(worker.enter(rowOf('shop'), table.generation)).toBe('passed');
    expect(probed).toEqual([]);
  });

  test('changes its targets in one table, and nobody passes to the old ones by the new gate', () => {
    registry.deploy('shop', deployment(['t1']));
    const old = registry.find('shop')!.targets.get('t1')!.row;
    told.length = 0;
    registry.deploy('shop', deployment(['t2']));
    expect(types()).toEqual(['change', 'opened']);
    expect(worker.enter(rowOf('shop'), table.generation - 1)).toBe('held');
    expect(worker.again(rowOf('shop'), table.generation)).toBe('passed');
    expect(worker.tryEnterTarget(old, table.generation)).toBe(false);
  });

  test('that is paused lets nobody pass, also over a deploy, until it is resumed', () => {
    registry.deploy('shop', deployment(['t1']));
    registry.deploy('shop', deployment(['t1'], paused));
    expect(board.gate(rowOf('shop'))).toBe(0);
    registry.deploy('shop', deployment(['t2'], paused));
    expect(board.gate(rowOf('shop'))).toBe(0);
    told.length = 0;
    registry.deploy('shop', deployment(['t2']));
    expect(board.gate(rowOf('shop'))).not.toBe(0);
    expect(types()).toEqual(['change', 'opened']);
  });

  test('is known to workers whole, so that the next daemon can have it from them', () => {
    registry.deploy('shop', deployment(['t1'], paused));
    const [route] = table.current().services;
    expect(route).toMatchObject({ traffic: 'paused', holdTimeoutMs: 5_000, owner: 'client' });
    expect(route?.deployment).toEqual(deployment(['t1'], paused));
  });

  test('has no host of another service, and no name of a control plane', () => {
    registry.publish('a', spec('shop-of-a', [], { hosts: ['shop.test'] }));
    expect(() => registry.deploy('shop', deployment(['t1']))).toThrow(
      'the host shop.test belongs to service shop-of-a of the installation a',
    );
    expect(() => registry.deploy('shop-of-a', deployment(['t1'], { hosts: ['x.test'] }))).toThrow(
      'the service shop-of-a belongs to the installation a',
    );
  });
});
