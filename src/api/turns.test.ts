import { expect, test } from 'bun:test';
import { Turns } from './turns.ts';

test('one piece of work at a time happens under a key, in the order of asking', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const both = gates.map((gate, at) =>
    turns.take('app', async () => {
      seen.push(`begin ${at}`);
      await gate.promise;
      seen.push(`end ${at}`);
    }),
  );
  gates[1]?.resolve();
  await Bun.sleep(0);
  expect(seen).toEqual(['begin 0']);
  gates[0]?.resolve();
  await Promise.all(both);
  expect(seen).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1']);
});

test('another key does not wait, and a failure is its own', async () => {
  const turns = new Turns();
  const gate = Promise.withResolvers<void>();
  const failing = turns.take('app', () => gate.promise);
  const next = turns.take('app', async () => 'done');
  expect(await turns.take('other', async () => 'at once')).toBe('at once');
  gate.reject(new Error('mine'));
  await expect(failing).rejects.toThrow('mine');
  expect(await next).toBe('done');
});
