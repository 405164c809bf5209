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
    queue.run(
      async () => {
        order.push(gate.name);
        await gate.promise;
      },
      never,
      true,
    ),
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

test('urgent ones go before those that are not, in the order they came', async () => {
  const queue = new StartQueue(1);
  const first = latch();
  const order: string[] = [];
  const add = (name: string, isUrgent: boolean): Promise<void> =>
    queue.run(async () => void order.push(name), never, isUrgent);
  const runs = [
    queue.run(() => first.promise, never),
    add('patient', false),
    add('urgent', true),
    add('patient too', false),
    add('urgent too', true),
  ];
  first.open();
  await Promise.all(runs);
  expect(order).toEqual(['urgent', 'urgent too', 'patient', 'patient too']);
});

test('what is not urgent leaves one place free, where there is more than one', async () => {
  const queue = new StartQueue(3);
  const gate = latch();
  const began: string[] = [];
  const add = (name: string, isUrgent: boolean): Promise<void> => {
    const run = async (): Promise<void> => {
      began.push(name);
      await gate.promise;
    };
    return queue.run(run, never, isUrgent);
  };
  const runs = [add('a', false), add('b', false), add('c', false), add('wake', true)];
  expect(began).toEqual(['a', 'b', 'wake']);
  gate.open();
  await Promise.all(runs);
  expect(began).toEqual(['a', 'b', 'wake', 'c']);
});
