import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { Platform, projectSettings } from './rehearsal/platform.ts';
import type { Answer } from './rehearsal/scripted-proxy.ts';

type Act =
  | { readonly do: 'request'; readonly durationMs: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'kill server' | 'break link' | 'deploy' | 'sleep' | 'wake' | 'reroute' };

const IDLE_MS = 1_000;

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('request' as const), durationMs: fc.constantFrom(0, 3, 400) }),
  },
  // Around the idle timeout, so that requests cross the sleep.
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 900, max: 1_250 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 120 }) }),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('kill server', 'break link', 'deploy', 'sleep', 'wake', 'reroute')
      .map((what) => ({ do: what })),
  },
);

/** Plays the acts, with every engine call taking its time, and returns what the clients got. */
async function play(acts: readonly Act[]): Promise<{ answers: Answer[]; luma: Platform }> {
  let luma = await new Platform().open();
  luma.runtime.script.behave('*', { prepareMs: 15, startMs: 25, bootMs: 10, stopMs: 40 });
  await luma.create({ idleTimeoutMs: IDLE_MS });
  const requests: Promise<Answer>[] = [];
  let version = 1;
  const ignore = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
  for (const each of acts) {
    switch (each.do) {
      case 'request':
        requests.push(luma.proxy.request('app', each.durationMs));
        break;
      case 'pass':
        await luma.pass(each.ms);
        break;
      case 'kill server':
        luma = await (await luma.successor()).open();
        break;
      case 'break link':
        luma.proxy.disconnect();
        ignore(luma.proxy.connect());
        break;
      case 'deploy':
        version += 1;
        ignore(
          luma.control.replaceProject(projectSettings({ image: `app:${version}`, idleTimeoutMs: IDLE_MS })),
        );
        break;
      case 'reroute':
        version += 1;
        ignore(
          luma.control.replaceProject(
            projectSettings({
              image: `app:${version}`,
              hostnames: [`v${version}.localhost`],
              idleTimeoutMs: IDLE_MS,
            }),
          ),
        );
        break;
      case 'sleep':
        ignore(luma.control.sleep('app'));
        break;
      case 'wake':
        ignore(luma.control.wake('app'));
        break;
    }
  }
  const answers = await luma.during(Promise.all(requests));
  await luma.pass(5_000);
  return { answers, luma };
}

test('no request is lost to sleeps, deploys, broken links and killed servers, and one instance is left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
      const { answers, luma } = await play(acts);
      expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
      await luma.pass(2_000);
      const { project, instances, status } = await luma.control.getProject('app');
      expect(status).toEqual({ name: 'idle', failure: null });
      expect(instances).toMatchObject([{ revision: project.revision, state: 'prepared' }]);
      expect((await luma.runtime.list()).map((each) => each.instanceId)).toEqual(
        instances.map((each) => each.instanceId),
      );
      expect(await luma.store.listInstances()).toMatchObject([
        { revision: project.revision, intent: 'live' },
      ]);
      expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    }),
    { numRuns: 60, includeErrorInReport: true },
  );
}, 60_000);
