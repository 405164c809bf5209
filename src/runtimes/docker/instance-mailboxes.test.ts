import { expect, test } from 'bun:test';
import { InstanceMailboxes } from './instance-mailboxes.ts';

test('tasks of one instance queue, those of two do not wait for each other', async () => {
  const mailboxes = new InstanceMailboxes();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const task =
    (name: string, wait: Promise<void> = Promise.resolve()) =>
    async () => {
      await wait;
      order.push(name);
    };
  const slow = mailboxes.post('i-1', task('slow', gate.promise));
  const behind = mailboxes.post('i-1', task('behind'));
  await mailboxes.post('i-2', task('beside'));
  expect(order).toEqual(['beside']);
  gate.resolve();
  await Promise.all([slow, behind]);
  expect(order).toEqual(['beside', 'slow', 'behind']);
});

test('nothing is kept for instances that have nothing to do, also after a failure', async () => {
  const mailboxes = new InstanceMailboxes();
  for (let round = 0; round < 3; round++) {
    const failing = mailboxes.post('i-1', () => Promise.reject(new Error('refused')));
    const fine = mailboxes.post('i-1', async () => 7);
    expect(mailboxes.count).toBe(1);
    expect(await failing.catch((error: Error) => error.message)).toBe('refused');
    expect(await fine).toBe(7);
  }
  await Bun.sleep(0);
  expect(mailboxes.count).toBe(0);
});
