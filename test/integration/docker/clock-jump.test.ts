/** Luma's clock jumps by an hour, both ways, while instances wake and sleep on a real engine. */
import { expect, test } from 'bun:test';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import type { RuntimeEvent } from '../../../src/runtimes/contract.ts';
import { dockerStage } from './docker-stage.ts';
import { runtimeOn } from './subject.ts';
import { until } from './until.ts';

const limitMs = 60_000;
const hourMs = 60 * 60 * 1_000;
const stage = dockerStage(limitMs);

test(
  'a clock that jumps an hour ahead or back changes nothing of a wake, a sleep, or what is heard of them',
  async () => {
    const { engine, subject } = stage;
    for (const jumpMs of [hourMs, -hourMs]) {
      let offsetMs = 0;
      const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMs };
      const runtime = runtimeOn(engine, subject.installationId, { clock });
      const heard: RuntimeEvent[] = [];
      const stopWatching = runtime.watch((event) => heard.push(event));
      const { instanceId } = subject.spec({});
      const spec = { ...subject.spec({ image: 'luma-test/busybox' }), instanceId };
      try {
        await runtime.prepare(spec);
        const addresses = [];
        for (let sleep = 0; sleep < 2; sleep++) {
          addresses.push((await runtime.start(instanceId)).address);
          offsetMs += jumpMs;
          expect((await runtime.list())[0]).toMatchObject({ state: 'running' });
          await runtime.freeze(instanceId);
          await runtime.thaw(instanceId);
          await runtime.stop(instanceId, 1_000);
        }
        expect(addresses[1]).toEqual(addresses[0]!);
        const once = ['started', 'frozen', 'thawed', 'exited'];
        await until('all events', () => heard.length >= 2 * once.length || undefined);
        expect(heard.map(({ kind }) => kind)).toEqual([...once, ...once] as never);
      } finally {
        await runtime.remove(instanceId);
        stopWatching();
        await runtime.close();
      }
    }
  },
  limitMs,
);
