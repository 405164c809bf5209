/** What happens to Luma's view of its instances while the engine is killed, hangs, or is not there at all. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLumaError } from '../../../src/base/errors.ts';
import type { LogLine, RuntimeEvent } from '../../../src/runtimes/contract.ts';
import { detectDocker } from '../../../src/runtimes/docker/index.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type DockerSubject, dockerSubject } from './subject.ts';
import { until } from './until.ts';

const limitMs = 120_000;
let engine: TestEngine;
let survivor: TestEngine;

beforeAll(async () => {
  engine = await withEngine({ isPrivate: true });
  survivor = await withEngine({ isPrivate: true, flags: ['--live-restore'] });
}, limitMs);
afterAll(async () => {
  await engine?.stop();
  await survivor?.stop();
}, limitMs);

const withSubject = async (on: TestEngine, run: (subject: DockerSubject) => Promise<void>): Promise<void> => {
  const subject = await dockerSubject(on);
  try {
    await run(subject);
  } finally {
    await subject.close();
  }
};

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error) => (isLumaError(error) ? error.code : Promise.reject(error)),
  );

const answers = async (host: string, port: number): Promise<true | undefined> => {
  const response = await fetch(`http://${host}:${port}/`, { keepalive: false }).catch(() => null);
  return response?.ok || undefined;
};

test(
  'after a kill of the engine, relist comes, instances are found and start again',
  () =>
    withSubject(engine, async ({ runtime, ...subject }) => {
      const events: RuntimeEvent[] = [];
      const stopWatching = runtime.watch((event) => events.push(event));
      const spec = subject.shell('echo run; exec httpd -f -p $PORT -h /www');
      await runtime.prepare(spec);
      await runtime.start(spec.instanceId);
      const lines: LogLine[] = [];
      const abort = new AbortController();
      const following = (async () => {
        const options = { follow: true, signal: abort.signal };
        for await (const line of runtime.logs(spec.instanceId, options)) lines.push(line);
      })();
      await until('the first line', () => lines[0]);

      await engine.kill();
      expect(await codeOf(runtime.list())).toBe('runtime_unavailable');
      expect(await codeOf(runtime.describe())).toBe('runtime_unavailable');
      expect(await codeOf(runtime.start(spec.instanceId))).toBe('runtime_unavailable');
      await engine.restart();

      await until('relist', () => events.find((event) => event.kind === 'relist'));
      const [found] = await runtime.list();
      expect(found).toMatchObject({ instanceId: spec.instanceId, state: 'exited' });
      const { address } = await runtime.start(spec.instanceId);
      await until('an answer', () => answers(address.host, address.port));
      await until('the line of the second run', () => lines[1]);
      expect(lines.map((line) => line.text)).toEqual(['run', 'run']);
      await until('the event of the second start', () =>
        events.findLast((event) => event.kind === 'started' && events.indexOf(event) > 0),
      );
      abort.abort();
      await following;
      stopWatching();
    }),
  limitMs,
);

test(
  'an engine with live-restore: instances serve on without it, and are found running',
  () =>
    withSubject(survivor, async ({ runtime, ...subject }) => {
      const events: RuntimeEvent[] = [];
      const stopWatching = runtime.watch((event) => events.push(event));
      const spec = subject.serves();
      await runtime.prepare(spec);
      const { address } = await runtime.start(spec.instanceId);
      await until('an answer', () => answers(address.host, address.port));
      await survivor.kill();
      expect(await answers(address.host, address.port)).toBe(true);
      await survivor.restart();
      await until('relist', () => events.find((event) => event.kind === 'relist'));
      expect(await runtime.list()).toEqual([
        {
          instanceId: spec.instanceId,
          project: spec.project,
          revision: spec.revision,
          state: 'running',
          address,
        },
      ]);
      expect((await runtime.stop(spec.instanceId, 5_000))?.code).toBe(0);
      stopWatching();
    }),
  limitMs,
);

test(
  'detection finds an engine, and says why there is none, also where one accepts calls and answers none',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'luma-detect-'));
    const hung = Bun.listen({ unix: join(folder, 'hung.sock'), socket: { data: () => {} } });
    try {
      const here = await detectDocker({ DOCKER_HOST: engine.dockerHost });
      expect(here).toMatchObject({ available: true, name: 'Docker', socket: engine.dockerHost });

      const reasons: string[] = [];
      for (const path of [join(folder, 'none.sock'), join(folder, 'hung.sock')]) {
        const detection = await detectDocker({ DOCKER_HOST: `unix://${path}` });
        if (!detection.available) reasons.push(detection.reason);
      }
      expect(reasons[0]).toContain('none.sock is not reachable');
      expect(reasons[1]).toContain('hung.sock did not tell its version within 5 s');
      const unusable = await detectDocker({ DOCKER_HOST: 'ssh://somewhere' });
      expect(unusable).toMatchObject({ available: false });
    } finally {
      hung.stop(true);
      rmSync(folder, { recursive: true });
    }
  },
  limitMs,
);
