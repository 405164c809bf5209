import { expect, test } from 'bun:test';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/manual-clock.ts';
import { createApiServer } from './index.ts';
import { STOP_PATIENCE_MS } from './limits.ts';
import { ScriptedControl } from './scripted-control.ts';

test('stopping waits for an answer so long and no longer, also where its call does not hear that the client is gone', async () => {
  const clock = new ManualClock();
  const control = new ScriptedControl();
  const arrived = Promise.withResolvers<void>();
  control.sleep = () => {
    arrived.resolve();
    return new Promise(() => {});
  };
  const api = await createApiServer({
    control,
    clock,
    log: silentLog,
    hostname: '127.0.0.1',
    port: 0,
    version: '0.1.0',
  });
  const asked = fetch(`http://127.0.0.1:${api.port}/projects/app/sleep`, { method: 'POST' }).then(
    () => 'answered',
    () => 'broken off',
  );
  await arrived.promise;
  let isStopped = false;
  const stopping = api.stop().then(() => {
    isStopped = true;
  });
  await clock.advance(STOP_PATIENCE_MS - 1);
  expect(isStopped).toBe(false);
  await clock.advance(1);
  expect(await asked).toBe('broken off');
  await stopping;
  expect(clock.armedCount).toBe(0);
});
