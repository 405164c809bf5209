import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { Platform, projectSettings } from './rehearsal/platform.ts';
import type { Answer } from './rehearsal/scripted-proxy.ts';

type Act =
  | { readonly do: 'request'; readonly durationMs: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'kill server' | 'break link' | 'deploy' | 'sleep' | 'wake' | 'reroute' };

const IDLE_MS = 1_000;
const WAKE_MS = 12_000;

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

type Mishap =
  | {
      readonly do: 'lose reply';
      readonly of: 'prepare' | 'start' | 'stop' | 'remove';
      readonly how: 'error' | 'silence';
    }
  | { readonly do: 'store fails'; readonly forMs: number }
  | { readonly do: 'crash' | 'vanish' | 'engine away' | 'events lost' | 'mute' | 'well' | 'stop' | 'start' };

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({
    do: fc.constant('lose reply' as const),
    of: fc.constantFrom('prepare', 'start', 'stop', 'remove'),
    how: fc.constantFrom('error', 'silence'),
  }),
  fc.record({ do: fc.constant('store fails' as const), forMs: fc.constantFrom(50, 2_000) }),
  fc
    .constantFrom('crash', 'vanish', 'engine away', 'events lost', 'mute', 'well', 'stop', 'start')
    .map((what) => ({ do: what })),
);

const ENGINE = { prepareMs: 15, startMs: 25, bootMs: 10, stopMs: 40 };

const LOSE_PREPARE: Mishap = { do: 'lose reply', of: 'prepare', how: 'silence' };
/** A call whose reply never came is given up (a prepare, the most patient, after 310 s), and its back-off passes. */
const GIVEN_UP_MS = 400_000;

async function suffer(luma: Platform, each: Mishap): Promise<void> {
  const { script } = luma.runtime;
  const running = (await luma.runtime.list().catch(() => [])).find(
    (one) => one.state === 'running',
  )?.instanceId;
  const ignore = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
  switch (each.do) {
    case 'lose reply':
      script.loseReply(each.of, each.how);
      return;
    case 'store fails':
      luma.storeFailsUntilMs = luma.clock.monotonic() + each.forMs;
      return;
    case 'crash':
      if (running) script.exit(running);
      return;
    case 'vanish':
      if (running) script.vanish(running);
      return;
    case 'engine away':
      script.becomeUnavailable(800);
      return;
    case 'events lost':
      script.dropEvents();
      luma.clock.after(700, () => script.relist());
      return;
    case 'mute':
      script.behave('*', { ...ENGINE, isMute: true });
      return;
    case 'well':
      script.behave('*', ENGINE);
      return;
    case 'stop':
      ignore(luma.control.stop('app'));
      return;
    case 'start':
      ignore(luma.control.start('app'));
      return;
  }
}

/** Plays the acts, with every engine call taking its time, and returns what the clients got. */
async function play(acts: readonly (Act | Mishap)[]): Promise<{ answers: Answer[]; luma: Platform }> {
  let luma = await new Platform().open();
  luma.runtime.script.behave('*', ENGINE);
  await luma.create({ idleTimeoutMs: IDLE_MS, wakeTimeoutMs: WAKE_MS });
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
          luma.control.replaceProject(
            projectSettings({ image: `app:${version}`, idleTimeoutMs: IDLE_MS, wakeTimeoutMs: WAKE_MS }),
          ),
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
      default:
        await suffer(luma, each);
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

test('whatever engine, store and apps do: when they are well again a request is answered by one instance', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(act, mishap), { maxLength: 30 }), recovers), {
    numRuns: 60,
    includeErrorInReport: true,
    examples: [
      // Preparing is given up twice, after five minutes each time: the second only begins once the first is over.
      [[LOSE_PREPARE, LOSE_PREPARE]],
      // So is a deploy, and what it replaces serves until then: it does not sleep meanwhile.
      [
        [
          { do: 'pass', ms: 15 },
          { do: 'reroute' },
          LOSE_PREPARE,
          LOSE_PREPARE,
          { do: 'request', durationMs: 0 },
        ],
      ],
      // The start of the server before goes on while ours is broken off: what it started is stopped all the same.
      [
        [
          { do: 'mute' },
          { do: 'pass', ms: 15 },
          { do: 'request', durationMs: 0 },
          { do: 'kill server' },
          { do: 'stop' },
        ],
      ],
    ],
  });
}, 60_000);

async function recovers(acts: readonly (Act | Mishap)[]): Promise<void> {
  const { answers, luma } = await play(acts);
  expect(answers.every((answer) => [200, 404, 502, 503].includes(answer.status))).toBe(true);
  luma.runtime.script.behave('*', ENGINE);
  // Replies that were to be lost may not have been asked for until now, one after the other.
  let lossesMax = acts.filter((each) => each.do === 'lose reply').length;
  const outlast = async (isOver: () => Promise<boolean>): Promise<void> => {
    for (; !(await isOver()) && lossesMax > 0; lossesMax--) await luma.pass(GIVEN_UP_MS);
  };
  await luma.pass(GIVEN_UP_MS);
  await luma.during(luma.control.start('app'));
  let answeredBy: Answer | undefined;
  let running: readonly string[] = [];
  // What was replaced meanwhile runs on until its stop, whose reply may be lost as well, is over.
  await outlast(async () => {
    answeredBy = await luma.during(luma.proxy.request('app'), 100);
    running = await runningIn(luma);
    return answeredBy.status === 200 && running.length === 1;
  });
  expect(answeredBy?.status).toBe(200);
  expect(running).toEqual([answeredBy?.by ?? '']);
  await luma.pass(100_000);
  await outlast(async () => (await runningIn(luma)).length === 0);
  expect(await runningIn(luma)).toEqual([]);
}

async function runningIn(luma: Platform): Promise<string[]> {
  const found = await luma.runtime.list();
  return found.filter((each) => each.state === 'running').map((each) => each.instanceId);
}
