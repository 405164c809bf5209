import { expect, test } from 'bun:test';
import { EventEmitter } from 'node:events';
import { ManualClock } from '../base/manual-clock.ts';
import { listenForStop } from './stop-signal.ts';

class OwnProcess extends EventEmitter {
  readonly said: string[] = [];

  exit(code: number): void {
    this.said.push(`exit ${code}`);
  }
}

test('the first signal asks for a stop, the second ends the process after its last words', async () => {
  const clock = new ManualClock();
  const own = new OwnProcess();
  const stop = listenForStop(clock, own);
  stop.beforeForcedExit(() => void own.said.push('last words'));
  own.emit('SIGINT');
  expect(stop.signal.aborted).toBe(true);
  await clock.advance(1_000);
  expect(own.said).toEqual([]);
  own.emit('SIGTERM');
  expect(own.said).toEqual(['last words', 'exit 130']);
});

test('a signal that is told twice at once is one', async () => {
  const clock = new ManualClock();
  const own = new OwnProcess();
  listenForStop(clock, own);
  own.emit('SIGTERM');
  own.emit('SIGTERM');
  await clock.advance(99);
  own.emit('SIGTERM');
  expect(own.said).toEqual([]);
  await clock.advance(1);
  own.emit('SIGTERM');
  expect(own.said).toEqual(['exit 130']);
});
