import { beforeEach, expect, test } from 'bun:test';
import type { Subprocess } from 'bun';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { WORKER_RESTART_LONGEST_MS, WORKER_START_TIMEOUT_MS } from '../limits.ts';
import type { Crew, Member, MemberEvents } from './crew.ts';
import { Fleet } from './fleet.ts';
import type { ToWorker } from './worker-protocol.ts';

class FakeProcess {
  readonly #exit = Promise.withResolvers<number>();
  readonly told: ToWorker[] = [];
  readonly exited = this.#exit.promise;
  events: MemberEvents | undefined;
  member: Member | undefined;

  constructor(
    readonly pid: number,
    readonly column: number,
  ) {}

  kill(): void {
    this.#exit.resolve(137);
  }

  end(code: number): void {
    this.#exit.resolve(code);
  }

  unref(): void {}
}

let clock: ManualClock;
let processes: FakeProcess[];
let dead: number[];
beforeEach(() => {
  clock = new ManualClock();
  processes = [];
  dead = [];
});

function newFleet(count: number, columns = [1, 2, 3, 4]): Fleet {
  const crew = {
    seat(column: number, pid: number, events: MemberEvents): Member {
      const child = processes.find((candidate) => candidate.pid === pid)!;
      child.events = events;
      child.member = {
        column,
        pid,
        state: 'starting',
        generation: 0,
        heardAtMs: clock.monotonic(),
        send: (message) => void child.told.push(message),
      };
      return child.member;
    },
    unseat: () => {},
  };
  return new Fleet({
    count,
    columns,
    crew: crew as unknown as Crew,
    spawn: (column) => {
      const child = new FakeProcess(1_000 + processes.length, column);
      processes.push(child);
      return child as unknown as Subprocess;
    },
    onDead: (column) => void dead.push(column),
    clock,
    log: silentLog,
  });
}

async function serving(fleet: Fleet): Promise<void> {
  const started = fleet.start();
  for (const child of processes) child.events?.onServing();
  await started;
}

test('it is started when every worker serves', async () => {
  const fleet = newFleet(2);
  let isStarted = false;
  const started = fleet.start().then(() => {
    isStarted = true;
  });
  processes[0]!.events!.onServing();
  await clock.advance(0);
  expect(isStarted).toBe(false);
  processes[1]!.events!.onServing();
  await started;
  expect(processes.map(({ column }) => column)).toEqual([1, 2]);
  // It listens for silence.
  expect(clock.armedCount).toBe(1);
});

test('a worker that ends before it serves fails the start', async () => {
  const started = newFleet(1).start();
  processes[0]!.end(2);
  await expect(started).rejects.toMatchObject({ code: 'worker_failed' });
});

test('a worker that never serves is killed when its time is over', async () => {
  const started = newFleet(1).start();
  started.catch(() => {});
  await clock.advance(WORKER_START_TIMEOUT_MS);
  await expect(started).rejects.toMatchObject({ code: 'worker_failed' });
});

test('workers that die again and again are replaced ever later, up to a limit', async () => {
  const fleet = newFleet(1);
  await serving(fleet);
  const pauses: number[] = [];
  for (let death = 0; death < 14; death++) {
    const before = processes.length;
    processes.at(-1)!.end(1);
    await clock.advance(0);
    const diedAtMs = clock.monotonic();
    while (processes.length === before) await clock.advance(5);
    pauses.push(clock.monotonic() - diedAtMs);
    processes.at(-1)!.events!.onServing();
  }
  expect(pauses.slice(0, 4)).toEqual([10, 20, 40, 80]);
  expect(Math.max(...pauses)).toBe(WORKER_RESTART_LONGEST_MS);
  expect(dead.length).toBe(14);
  expect(fleet.restartCount).toBe(14);
});

test('one that died after a long quiet time is replaced soon again', async () => {
  const fleet = newFleet(1);
  await serving(fleet);
  for (let death = 0; death < 5; death++) {
    processes.at(-1)!.end(1);
    await clock.advance(5_000);
    processes.at(-1)!.events!.onServing();
  }
  await clock.advance(120_000);
  processes.at(-1)!.end(1);
  await clock.advance(10);
  expect(processes.length).toBe(7);
});

test('a restart brings the next worker up before the last one is told to drain', async () => {
  const fleet = newFleet(2);
  await serving(fleet);
  const restarted = fleet.restart();
  await clock.advance(0);
  expect(processes.length).toBe(3);
  expect(processes[0]!.told).toEqual([]);
  processes[2]!.events!.onServing();
  await clock.advance(0);
  expect(processes[0]!.told).toMatchObject([{ type: 'drain' }]);
  expect(processes[1]!.told).toEqual([]);
  processes[3]!.events!.onServing();
  await restarted;
  processes[0]!.end(0);
  processes[1]!.end(0);
  await clock.advance(60_000);
  expect(processes.length).toBe(4);
  expect(dead).toEqual([1, 2]);
});

test('one that leaves by itself is replaced at once, while it finishes', async () => {
  const fleet = newFleet(1);
  await serving(fleet);
  processes[0]!.events!.onLeaving();
  await clock.advance(0);
  expect(processes.length).toBe(2);
  processes[1]!.events!.onServing();
  processes[0]!.end(0);
  await clock.advance(60_000);
  expect(processes.length).toBe(2);
});

test('without a free column a replacement waits for one', async () => {
  const fleet = newFleet(1, [1]);
  await serving(fleet);
  processes[0]!.events!.onLeaving();
  await clock.advance(1_000);
  expect(processes.length).toBe(1);
  processes[0]!.end(0);
  await clock.advance(WORKER_RESTART_LONGEST_MS);
  expect(processes[1]!.column).toBe(1);
});

test('a stop replaces nobody and kills who overstays', async () => {
  const fleet = newFleet(2);
  await serving(fleet);
  const stopped = fleet.stop(1_000);
  expect(processes.map(({ told }) => told)).toMatchObject([[{ timeoutMs: 1_000 }], [{ timeoutMs: 1_000 }]]);
  processes[0]!.end(0);
  await clock.advance(2_999);
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  await clock.advance(0);
  expect(isStopped).toBe(false);
  await clock.advance(1);
  await stopped;
  expect([processes.length, clock.armedCount]).toEqual([2, 0]);
});

/** As the crew does when a worker says something. */
function heard(...children: readonly (FakeProcess | undefined)[]): void {
  for (const child of children) if (child?.member) child.member.heardAtMs = clock.monotonic();
}

async function servingMembers(count: number): Promise<Fleet> {
  const fleet = newFleet(count);
  await serving(fleet);
  for (const { member } of processes) if (member) member.state = 'serving';
  return fleet;
}

test('one that says nothing for ten seconds is ended and replaced, the others are left alone', async () => {
  const fleet = await servingMembers(2);
  const [hung, other] = processes;
  for (let second = 0; second < 9; second++) {
    await clock.advance(1_000);
    heard(other);
  }
  expect(dead).toEqual([]);
  await clock.advance(1_000);
  expect(dead).toEqual([hung?.column ?? 0]);
  await clock.advance(WORKER_RESTART_LONGEST_MS);
  expect([processes.length, fleet.restartCount]).toEqual([3, 1]);
});

test('one that drains is listened to as well, and is not replaced', async () => {
  const fleet = await servingMembers(1);
  void fleet.restart();
  const [old, next] = processes;
  next?.events?.onServing();
  for (let second = 0; second < 20; second++) {
    await clock.advance(1_000);
    heard(next);
  }
  expect(dead).toEqual([old?.column ?? 0]);
  expect([processes.length, fleet.restartCount]).toEqual([2, 0]);
});

test('a daemon that was suspended itself does not take its workers for hanging', async () => {
  const fleet = await servingMembers(2);
  clock.skip(60_000);
  await clock.advance(1_000);
  expect(dead).toEqual([]);
  expect(fleet.restartCount).toBe(0);
});

test('an abandoned fleet listens no more', async () => {
  const fleet = await servingMembers(1);
  fleet.abandon();
  await clock.advance(60_000);
  expect([dead, clock.armedCount]).toEqual([[], 0]);
});

test('one that has lost its connection is not judged by its silence', async () => {
  await servingMembers(1);
  const [away] = processes;
  if (away?.member) away.member.heardAtMs = null;
  await clock.advance(60_000);
  expect(dead).toEqual([]);
});
