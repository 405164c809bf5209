import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Mailbox } from './mailbox.ts';

function gate(): { readonly opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

describe('Mailbox', () => {
  test('begins a task at once when nothing runs', async () => {
    let hasBegun = false;
    const posted = new Mailbox({ name: 'box' }).post(() => {
      hasBegun = true;
    });
    expect(hasBegun).toBe(true);
    await posted;
  });

  test('runs one task at a time, in the order they were posted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 30 }), async (turns) => {
        const box = new Mailbox({ name: 'box' });
        const finished: number[] = [];
        let running = 0;
        await Promise.all(
          turns.map((count, index) =>
            box.post(async () => {
              expect(++running).toBe(1);
              for (let turn = 0; turn < count; turn++) await Promise.resolve();
              running--;
              finished.push(index);
            }),
          ),
        );
        expect(finished).toEqual(turns.map((_, index) => index));
      }),
    );
  });

  test('goes on after a task that failed, and tells only its poster', async () => {
    const box = new Mailbox({ name: 'box' });
    const failed = box.post(() => {
      throw new Error('broken');
    });
    const later = box.post(() => 'fine');
    await expect(failed).rejects.toThrow('broken');
    expect(await later).toBe('fine');
  });

  test('takes as many waiting tasks as its limit and refuses the next', async () => {
    const box = new Mailbox({ name: 'project a', waitingMax: 2 });
    const { opened, open } = gate();
    const taken = [box.post(() => opened), box.post(() => {}), box.post(() => {})];
    expect(box.waitingCount).toBe(2);
    await expect(box.post(() => {})).rejects.toMatchObject({ code: 'mailbox_full' });
    open();
    await Promise.all(taken);
    expect(box.isIdle).toBe(true);
  });

  test('refuses what waits when it closes and lets the running task end', async () => {
    const box = new Mailbox({ name: 'box' });
    const { opened, open } = gate();
    const running = box.post(() => opened.then(() => 'done'));
    const waiting = box.post(() => 'never');
    box.close();
    await expect(waiting).rejects.toMatchObject({ code: 'mailbox_closed' });
    await expect(box.post(() => {})).rejects.toMatchObject({ code: 'mailbox_closed' });
    open();
    expect(await running).toBe('done');
    await box.whenIdle();
  });

  test('says when it is idle, also to many listeners', async () => {
    const box = new Mailbox({ name: 'box' });
    const { opened, open } = gate();
    void box.post(() => opened);
    let told = 0;
    const listeners = [box.whenIdle(), box.whenIdle()].map((idle) => idle.then(() => told++));
    await Promise.resolve();
    expect(told).toBe(0);
    open();
    await Promise.all(listeners);
    expect(told).toBe(2);
  });
});
