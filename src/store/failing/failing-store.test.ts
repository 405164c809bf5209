import { expect, test } from 'bun:test';
import { isLumaError } from '../../base/errors.ts';
import { createFailingStore, createMemoryStore, failNthWrite } from '../index.ts';
import { makeProject, storeContract } from '../store.contract.ts';

storeContract('failing, with nothing planned', () => ({
  open: async () => createFailingStore(createMemoryStore(), () => 'pass'),
  dispose: async () => {},
}));

test('refuses the nth write, writes nothing, and goes on with the next', async () => {
  const store = createFailingStore(createMemoryStore(), failNthWrite(2));
  await store.insertProject(makeProject('a'));
  const error = await store.insertProject(makeProject('b')).catch((cause: unknown) => cause);
  expect(isLumaError(error, 'store_unavailable')).toBe(true);
  await store.insertProject(makeProject('c'));
  expect((await store.listProjects()).map((project) => project.settings.name)).toEqual(['a', 'c']);
});

test('loses the reply of a write that was done', async () => {
  const store = createFailingStore(createMemoryStore(), failNthWrite(1, 'lose-reply'));
  await expect(store.insertProject(makeProject('a'))).rejects.toThrow('insertProject');
  expect(await store.getProject('a')).not.toBeNull();
});

test('tells the plan which write it is', async () => {
  const seen: string[] = [];
  const store = createFailingStore(createMemoryStore(), (write, nth) => {
    seen.push(`${nth} ${write}`);
    return write === 'appendEvent' ? 'refuse' : 'pass';
  });
  await store.nextEpoch();
  const event = { project: 'a', kind: 'created', at: 0, message: '', details: {} } as const;
  await expect(store.appendEvent(event)).rejects.toThrow();
  expect(seen).toEqual(['1 nextEpoch', '2 appendEvent']);
});
