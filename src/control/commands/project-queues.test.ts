import { expect, test } from 'bun:test';
import { DependencyRules } from '../dependencies/dependency-rules.ts';
import { ProjectQueues } from './project-queues.ts';

function queues(isClosing = false): ProjectQueues {
  return new ProjectQueues({ rules: new DependencyRules(() => []), isClosing: () => isClosing });
}

/** Ends when it is told to. */
function task(told: string[], name: string): { run: () => Promise<void>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = async (): Promise<void> => {
    told.push(`${name} begins`);
    await promise;
    told.push(`${name} ends`);
  };
  return { run, end: resolve };
}

test('changes of one project are made one after the other, also when one fails; others do not wait', async () => {
  const told: string[] = [];
  const all = queues();
  const [first, second, other] = [task(told, 'first'), task(told, 'second'), task(told, 'other')];
  const failing = all.inOrder('app', async () => {
    await first.run();
    throw new Error('no');
  });
  const next = all.inOrder('app', second.run);
  const elsewhere = all.inOrder('db', other.run);
  other.end();
  await elsewhere;
  expect(told).toEqual(['first begins', 'other begins', 'other ends']);
  second.end();
  first.end();
  await expect(failing).rejects.toThrow('no');
  await next;
  expect(told.slice(3)).toEqual(['first ends', 'second begins', 'second ends']);
});

test('nothing is changed any more while the control plane closes', async () => {
  const told: string[] = [];
  await expect(queues(true).inOrder('app', task(told, 'late').run)).rejects.toMatchObject({
    code: 'shutting_down',
  });
  expect(told).toEqual([]);
});
