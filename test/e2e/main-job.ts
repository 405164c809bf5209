/**
 * What Luma is for, as a suite over runtimes: `main-job.process.test.ts` runs it with local processes,
 * `main-job.docker.test.ts` on a real engine.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cross, instanceOf } from './crossing.ts';
import { Luma, type LumaOptions, until } from './luma.ts';

export interface MainJob {
  readonly options: () => Promise<LumaOptions>;
  /** How many sleeps the crossing loop must see. */
  readonly sleeps: number;
  /** How many sleeps the loop with a killed server must see. */
  readonly sleepsWithKills: number;
  readonly idleTimeout: string;
  /** The same, milliseconds. */
  readonly idleMs: number;
  /** Projects that cross at the same time. */
  readonly lanes: number;
  /** How long streams keep an instance awake, milliseconds. */
  readonly streamMs: number;
  readonly cleanUp?: () => Promise<void>;
  /** What is left of this installation: containers or processes. */
  readonly leftovers: () => Promise<readonly string[]>;
}

const minutes = 60_000;

export function describeMainJob(name: string, job: MainJob): void {
  describe(`the main job on ${name}`, () => {
    let luma: Luma;

    beforeAll(async () => {
      luma = await Luma.start({ ...(await job.options()), apart: true });
    }, 3 * minutes);

    afterAll(async () => {
      await luma?.stop();
      const left = await job.leftovers();
      await job.cleanUp?.();
      expect(left).toEqual([]);
    }, 3 * minutes);

    test(
      'a request wakes a sleeping project, and quiet puts it back to sleep',
      async () => {
        await luma.add({ name: 'first', idle_timeout: '1s' });
        await luma.untilStatus('first', 'idle');
        expect((await luma.get('first.localhost')).status).toBe(200);
        expect(await luma.status('first')).toBe('running');
        await luma.untilStatus('first', 'idle');
        expect((await luma.events('first', 'slept')).length).toBe(1);
      },
      minutes,
    );

    test(
      '200 concurrent first requests make one start and get 200 answers',
      async () => {
        await luma.add({ name: 'crowd', idle_timeout: '30s' });
        const answers = await Promise.all(range(200, () => luma.get('crowd.localhost')));
        expect(answers.map(({ status }) => status)).toEqual(range(200, () => 200));
        expect(new Set(answers.map(instanceOf)).size).toBe(1);
        expect((await luma.events('crowd', 'woken')).length).toBe(1);
        expect((await luma.events('crowd', 'starting')).length).toBe(1);
      },
      minutes,
    );

    test(
      '20 sleeping projects woken at once are all answered',
      async () => {
        await Promise.all(range(20, (n) => luma.add({ name: `many-${n}`, idle_timeout: '2s' })));
        const answers = await Promise.all(range(20, (n) => luma.get(`many-${n}.localhost`)));
        expect(answers.map(({ status }) => status)).toEqual(range(20, () => 200));
      },
      2 * minutes,
    );

    test(
      'a download, an SSE stream and an open WebSocket keep an instance awake, and the timer starts at their end',
      async () => {
        const { streamMs } = job;
        for (const name of ['download', 'sse', 'socket']) await luma.add({ name, idle_timeout: '2s' });
        const socket = await openWebSocket(luma, 'socket.localhost');
        const [download, sse] = await Promise.all([
          luma.get('download.localhost', `/download?ms=${streamMs}`),
          luma.get('sse.localhost', `/sse?ms=${streamMs}&every=1000`),
        ]);
        const ended = performance.now();
        expect(download.durationMs).toBeGreaterThanOrEqual(streamMs - 200);
        expect(sse.body).toContain('data: 1');
        for (const name of ['download', 'sse', 'socket']) {
          expect(await luma.status(name)).toBe('running');
          expect(await luma.events(name, 'sleeping')).toEqual([]);
        }
        await Promise.all(['download', 'sse'].map((name) => luma.untilStatus(name, 'idle')));
        expect(performance.now() - ended).toBeGreaterThanOrEqual(1_900);
        expect(await luma.status('socket')).toBe('running');
        socket.close();
        await luma.untilStatus('socket', 'idle');
      },
      job.streamMs + 2 * minutes,
    );

    test(
      `${job.sleeps} sleeps crossed by requests lose none`,
      async () => {
        const lanes = range(job.lanes, (n) => `cross-${n}`);
        for (const name of lanes) await luma.add({ name, idle_timeout: job.idleTimeout });
        const share = Math.ceil(job.sleeps / lanes.length);
        await Promise.all(lanes.map((name) => cross(luma, name, job.idleMs, share)));
      },
      15 * minutes,
    );

    test(
      `kill -9 of the server at random moments in ${job.sleepsWithKills} sleeps loses no request`,
      async () => {
        const lanes = range(job.lanes, (n) => `killed-${n}`);
        for (const name of lanes) await luma.add({ name, idle_timeout: job.idleTimeout });
        const share = Math.ceil(job.sleepsWithKills / lanes.length);
        let crossing = true;
        const kills = killNowAndThen(luma, () => crossing);
        await Promise.all(lanes.map((name) => cross(luma, name, job.idleMs, share)));
        crossing = false;
        expect(await kills).toBeGreaterThan(0);
        for (const name of lanes) await luma.untilStatus(name, 'idle');
      },
      15 * minutes,
    );

    test(
      'an awake project answers while the server is down, and is adopted by the next',
      async () => {
        await luma.add({ name: 'awake', idle_timeout: '5s' });
        const before = await luma.get('awake.localhost');
        await luma.killServer();
        const during = await luma.get('awake.localhost');
        expect([during.status, instanceOf(during)]).toEqual([200, instanceOf(before)]);
        await luma.startServer();
        const after = await luma.get('awake.localhost');
        expect([after.status, instanceOf(after)]).toEqual([200, instanceOf(before)]);
        await luma.untilStatus('awake', 'idle');
      },
      2 * minutes,
    );

    test(
      'a request held while the server is down is answered after its return',
      async () => {
        await luma.add({ name: 'held', idle_timeout: '1s' });
        await luma.untilStatus('held', 'idle');
        await luma.killServer();
        const held = luma.get('held.localhost');
        await Bun.sleep(300);
        await luma.startServer();
        expect((await held).status).toBe(200);
      },
      2 * minutes,
    );

    test(
      'a change of a running project loses no request and is served by the new revision',
      async () => {
        await luma.add({ name: 'changing', idle_timeout: 'never', env_vars: { COLOUR: 'red' } });
        expect((await luma.get('changing.localhost', '/env')).body).toContain('"COLOUR":"red"');
        let changing = true;
        const load = keepAsking(luma, 'changing.localhost', () => changing);
        const patched = await luma.api('PATCH', '/projects/changing', { env_vars: { COLOUR: 'blue' } });
        expect(patched.status).toBe(200);
        await until('the new revision to serve', async () => {
          return (await luma.get('changing.localhost', '/env')).body.includes('"COLOUR":"blue"');
        });
        await until('the old instance to go', async () => {
          return ((await luma.api('GET', '/projects/changing')).json['instances'] as unknown[]).length === 1;
        });
        changing = false;
        const statuses = await load;
        expect(statuses.length).toBeGreaterThan(0);
        expect(statuses.filter((status) => status !== 200)).toEqual([]);
      },
      2 * minutes,
    );

    test(
      'an app that leaves at once is failed with its exit code and last lines, and the client gets 502',
      async () => {
        await luma.add({ name: 'leaving', env_vars: { EXIT_CODE: '3' } });
        const answer = await luma.get('leaving.localhost', '/', { headers: { Accept: 'application/json' } });
        expect(answer.status).toBe(502);
        // A stranger learns the code, not what the app wrote or how it is started.
        expect(answer.body).toContain('instance_exited');
        expect(answer.body).not.toContain('leaving at once');
        expect(answer.body).not.toContain('exited with');
        const { json } = await luma.api('GET', '/projects/leaving');
        expect(json['status']).toBe('failed');
        expect(JSON.stringify(json['failure'])).toContain('3');
        expect(JSON.stringify(json['failure'])).toContain('leaving at once with 3');
      },
      minutes,
    );

    test(
      'stop answers 503 until start',
      async () => {
        await luma.add({ name: 'halted', idle_timeout: 'never' });
        expect((await luma.get('halted.localhost')).status).toBe(200);
        expect((await luma.api('POST', '/projects/halted/stop')).status).toBe(200);
        expect((await luma.get('halted.localhost')).status).toBe(503);
        expect(await luma.status('halted')).toBe('stopped');
        expect((await luma.api('POST', '/projects/halted/start')).status).toBe(200);
        expect((await luma.get('halted.localhost')).status).toBe(200);
      },
      minutes,
    );
  });
}

async function killNowAndThen(luma: Luma, isWanted: () => boolean): Promise<number> {
  let kills = 0;
  while (isWanted()) {
    await Bun.sleep(200 + Math.random() * 1_500);
    await luma.killServer();
    kills++;
    await Bun.sleep(Math.random() * 300);
    await luma.startServer();
  }
  return kills;
}

async function keepAsking(luma: Luma, host: string, isWanted: () => boolean): Promise<number[]> {
  const statuses: number[] = [];
  while (isWanted()) statuses.push((await luma.get(host)).status);
  return statuses;
}

function openWebSocket(luma: Luma, host: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${luma.httpPort}/ws`, { headers: { Host: host } } as never);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error('the WebSocket did not open'));
  });
}

function range<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}
