/** Histories of several projects that belong together: the real control plane over a scripted engine and proxy. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { DEFAULT_KEEPING, type KeepingSettings } from '../../domain/keeping.ts';
import { Platform } from '../rehearsal/platform.ts';
import type { Answer } from '../rehearsal/scripted-proxy.ts';

const IDLE_MS = 1_000;
const WAKE_MS = 12_000;
const ENGINE = { prepareMs: 15, startMs: 25, bootMs: 10, stopMs: 40 };

/** web needs db and cache ready, db needs the disk started; jobs and web are a group; jobs needs the disk. */
const keepings: Readonly<Record<string, KeepingSettings>> = {
  disk: DEFAULT_KEEPING,
  cache: DEFAULT_KEEPING,
  db: { ...DEFAULT_KEEPING, dependsOn: [{ project: 'disk', condition: 'started' }] },
  web: {
    ...DEFAULT_KEEPING,
    group: 'shop',
    dependsOn: [
      { project: 'db', condition: 'ready' },
      { project: 'cache', condition: 'ready' },
    ],
  },
  jobs: { ...DEFAULT_KEEPING, group: 'shop', dependsOn: [{ project: 'disk', condition: 'ready' }] },
};
const names = Object.keys(keepings);

type Act =
  | { readonly do: 'request'; readonly to: string; readonly durationMs: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'kill server' | 'break link' }
  | { readonly do: 'sleep' | 'wake' | 'crash' | 'stop' | 'start'; readonly to: string };

const to = fc.constantFrom(...names);
const calm: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('request' as const), to, durationMs: fc.constantFrom(0, 3, 400) }),
  },
  // Around the idle timeout, so that requests cross sleeps; dependencies sleep one after the other.
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 900, max: 1_250 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 120 }) }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Act>({ do: 'kill server' }, { do: 'break link' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('sleep' as const, 'wake' as const), to }) },
);
const rough: fc.Arbitrary<Act> = fc.oneof(
  { weight: 5, arbitrary: calm },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'stop' as const, 'start' as const), to }),
  },
);

function isThere(luma: Platform, project: string, condition: 'started' | 'ready'): boolean {
  return luma.runtime.engine
    .list('fake')
    .some(
      (one) =>
        one.project === project &&
        one.state === 'running' &&
        (condition === 'started' || (one.address !== undefined && luma.runtime.script.answers(one.address))),
    );
}

/** Looks over the shoulder of every call to the engine. */
function watch(luma: Platform, wrongs: string[]): Platform {
  const { runtime } = luma;
  const projectOf = (id: string): string =>
    runtime.engine.list('fake').find(({ instanceId }) => instanceId === id)?.project ?? '';
  const start = runtime.start.bind(runtime);
  runtime.start = (id, signal) => {
    const project = projectOf(id);
    for (const dependency of keepings[project]?.dependsOn ?? []) {
      if (isThere(luma, dependency.project, dependency.condition)) continue;
      wrongs.push(`${project} is started while ${dependency.project} is not ${dependency.condition}`);
    }
    return start(id, signal);
  };
  const stop = runtime.stop.bind(runtime);
  runtime.stop = (id, timeoutMs) => {
    const project = projectOf(id);
    for (const [dependent, { dependsOn }] of Object.entries(keepings)) {
      const isNeeded = dependsOn.some((each) => each.project === project);
      if (isNeeded && isThere(luma, dependent, 'started'))
        wrongs.push(`${project} is stopped under ${dependent}`);
    }
    return stop(id, timeoutMs);
  };
  return luma;
}

interface Played {
  readonly luma: Platform;
  readonly answers: readonly Answer[];
  readonly wrongs: readonly string[];
}

async function play(acts: readonly Act[]): Promise<Played> {
  const wrongs: string[] = [];
  let luma = watch(await new Platform().open(), wrongs);
  luma.runtime.script.behave('*', ENGINE);
  for (const name of names) {
    await luma.create({
      name,
      keeping: keepings[name] ?? DEFAULT_KEEPING,
      idleTimeoutMs: IDLE_MS,
      wakeTimeoutMs: WAKE_MS,
    });
  }
  const requests: Promise<Answer>[] = [];
  const ignore = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
  for (const act of acts) {
    switch (act.do) {
      case 'request':
        requests.push(luma.proxy.request(act.to, act.durationMs));
        break;
      case 'pass':
        await luma.pass(act.ms);
        break;
      case 'kill server':
        luma = await watch(await luma.successor(), wrongs).open();
        break;
      case 'break link':
        luma.proxy.disconnect();
        ignore(luma.proxy.connect());
        break;
      case 'crash': {
        const running = luma.runtime.engine
          .list('fake')
          .find((one) => one.project === act.to && one.state === 'running');
        if (running) luma.runtime.script.exit(running.instanceId);
        break;
      }
      default:
        ignore(luma.control[act.do](act.to));
    }
  }
  const answers = await luma.during(Promise.all(requests));
  return { luma, answers, wrongs };
}

async function restOf(luma: Platform): Promise<string[]> {
  return Promise.all(names.map((name) => luma.status(name)));
}

test('no request is lost, nobody starts before what it needs, nothing is stopped under who needs it, and all sleep in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(calm, { maxLength: 40 }), async (acts) => {
      const { luma, answers, wrongs } = await play(acts);
      expect(wrongs).toEqual([]);
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      // web and jobs, then db and cache, then the disk: each lingers for its idle timeout.
      await luma.pass(6 * IDLE_MS);
      expect(await restOf(luma)).toEqual(names.map(() => 'idle'));
      expect((await luma.during(luma.proxy.request('web'))).status).toBe(200);
      await luma.pass(200);
      expect(await restOf(luma)).toEqual(names.map(() => 'running'));
    }),
    { numRuns: 60, includeErrorInReport: true },
  );
}, 60_000);

test('whatever crashes and is stopped: every request has its answer, and all is well when it is started again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(rough, { maxLength: 30 }), async (acts) => {
      // What crashed a moment ago is not known yet: here only the answers count.
      const { luma, answers } = await play(acts);
      expect(answers.every(({ status }) => [200, 502, 503].includes(status))).toBe(true);
      await luma.pass(5_000);
      for (const name of names) await luma.during(luma.control.start(name));
      await luma.pass(70_000);
      expect((await luma.during(luma.proxy.request('web'))).status).toBe(200);
      await luma.pass(300);
      expect(await restOf(luma)).toEqual(names.map(() => 'running'));
      await luma.pass(8 * IDLE_MS);
      expect(await restOf(luma)).toEqual(names.map(() => 'idle'));
    }),
    { numRuns: 60, includeErrorInReport: true },
  );
}, 60_000);
