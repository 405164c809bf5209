import { expect, test } from 'bun:test';
import { StartQueue } from './start-queue.ts';

function latch(): { promise: Promise<void>; open: () => void } {
  let open = (): void => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

const never = new AbortController().signal;

test('runs at most so many at once, the others in the order they came', async () => {
  const queue = new StartQueue(2);
  const order: string[] = [];
  const gates = ['a', 'b', 'c', 'd'].map((name) => ({ name, ...latch() }));
  const runs = gates.map((gate) =>
    queue.run(async () => {
      order.push(gate.name);
      await gate.promise;
    }, never),
  );
  await Promise.resolve();
  expect(order).toEqual(['a', 'b']);
  expect(queue.waitingCount).toBe(2);
  gates[1]?.open();
  await runs[1];
  expect(order).toEqual(['a', 'b', 'c']);
  for (const gate of gates) gate.open();
  await Promise.all(runs);
  expect(order).toEqual(['a', 'b', 'c', 'd']);
});

test('an aborted one leaves the queue and takes no turn', async () => {
  const queue = new StartQueue(1);
  const first = latch();
  const controller = new AbortController();
  const running = queue.run(() => first.promise, never);
  const aborted = queue.run(() => Promise.resolve(), controller.signal);
  controller.abort();
  expect(aborted).rejects.toMatchObject({ code: 'start_aborted' });
  first.open();
  await running;
  expect(await queue.run(() => Promise.resolve('ran'), never)).toBe('ran');
});

test('a task that fails gives its turn on', async () => {
  const queue = new StartQueue(1);
  const failing = queue.run(() => Promise.reject(new Error('no')), never);
  const next = queue.run(() => Promise.resolve('ran'), never);
  expect(failing).rejects.toThrow('no');
  expect(await next).toBe('ran');
});

test('an urgent one goes before those that wait', async () => {
  const queue = new StartQueue(1);
  const first = latch();
  const order: string[] = [];
  const runs = [
    queue.run(() => first.promise, never),
    queue.run(async () => void order.push('patient'), never),
    queue.run(async () => void order.push('urgent'), never, true),
  ];
  first.open();
  await Promise.all(runs);
  expect(order).toEqual(['urgent', 'patient']);
});
