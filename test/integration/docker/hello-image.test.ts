/** The hello image, made from Luma's own files on an engine that can pull nothing. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { ensureHelloImage } from '../../../src/runtimes/docker/index.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type DockerSubject, dockerSubject } from './subject.ts';
import { until } from './until.ts';

let engine: TestEngine;
let subject: DockerSubject;
const ensure = () => ensureHelloImage({ clock: systemClock, log: silentLog, dockerHost: engine.dockerHost });

beforeAll(async () => {
  engine = await withEngine();
  subject = await dockerSubject(engine);
});
afterAll(async () => {
  await subject?.close();
  await engine?.stop();
});

test('the hello image is made once, answers as an ordinary project, and ends at once on SIGTERM', async () => {
  const image = await ensure();
  expect(image).toMatch(/^luma\/hello:[0-9a-f]{12}$/);
  const { Id: id } = await subject.docker.getImage(image).inspect();

  const spec = subject.spec({ image });
  await subject.runtime.prepare(spec);
  const { address } = await subject.runtime.start(spec.instanceId);
  const text = await until('an answer', async () => {
    const response = await fetch(`http://${address.host}:${address.port}/`).catch(() => null);
    return response?.text();
  });
  expect(text).toContain('Hello from Luma!');
  expect(text).toContain(spec.instanceId);
  const exit = await subject.runtime.stop(spec.instanceId, 10_000);
  expect(exit?.code).toBe(0);

  expect(await ensure()).toBe(image);
  expect((await subject.docker.getImage(image).inspect()).Id).toBe(id);
}, 60_000);
