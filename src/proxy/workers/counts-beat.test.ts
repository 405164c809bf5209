import { beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import type { CountsTaken, EdgeStats } from '../../edge/index.ts';
import { CountsBeat, type WorkerCounts } from './counts-beat.ts';

let clock: ManualClock;
let sent: WorkerCounts[];
let isListening: boolean;
let counted: CountsTaken[];
let clients: number;
let byTotal: number;
let droppedCount: number;
let beat: CountsBeat;

beforeEach(() => {
  clock = new ManualClock();
  sent = [];
  isListening = true;
  counted = [];
  [clients, byTotal, droppedCount] = [0, 0, 0];
  beat = new CountsBeat({
    edge: {
      takeCounts: () => counted.splice(0),
      stats: () => ({ clients, turnedAway: { byTotal, byAddress: 0, byProxyHeader: 0 } }) as EdgeStats,
    },
    accessLog: {
      append: () => {},
      get droppedCount() {
        return droppedCount;
      },
    },
    clock,
    isListening: () => isListening,
    send: (counts) => sent.push(counts),
  });
  beat.start();
});

const app: CountsTaken = { service: 'app', counts: { holds: 1 } };

test('what was counted is said once a second, once, and nothing when there is nothing', async () => {
  counted.push(app);
  await clock.advance(1_000);
  expect(sent).toEqual([{ clients: 0, services: [app] }]);
  await clock.advance(1_000);
  expect(sent.splice(0)[1]).toEqual({ clients: 0, services: [] });
  clients = 3;
  await clock.advance(1_000);
  expect(sent).toEqual([{ clients: 3, services: [] }]);
});

test('while nobody listens it goes on gathering', async () => {
  isListening = false;
  counted.push(app);
  byTotal = 2;
  await clock.advance(3_000);
  expect([sent.length, counted.length]).toEqual([0, 1]);
  isListening = true;
  await clock.advance(1_000);
  expect(sent).toEqual([
    { clients: 0, services: [app, { service: '', counts: { 'turned away total': 2 } }] },
  ]);
});

test('numbers that only grow are said as what they have grown by', async () => {
  [byTotal, droppedCount] = [5, 1];
  await clock.advance(1_000);
  byTotal = 7;
  await clock.advance(1_000);
  expect(sent.map(({ services }) => services)).toEqual([
    [{ service: '', counts: { 'turned away total': 5, 'access log dropped': 1 } }],
    [{ service: '', counts: { 'turned away total': 2 } }],
  ]);
});

test('stopped, it leaves no timer', async () => {
  beat.stop();
  counted.push(app);
  await clock.advance(10_000);
  expect(sent).toEqual([]);
});
