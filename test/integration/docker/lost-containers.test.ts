/**
 * What an engine that is killed in the middle of a start knows afterwards: a container that does not run, whose processes
 * do. The moment cannot be met by a test, so the engine's own file is given what it would have said.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerInspectInfo } from 'dockerode';
import type { InstanceAddress, InstanceSpec } from '../../../src/runtimes/contract.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type DockerSubject, dockerSubject } from './subject.ts';
import { until } from './until.ts';

const limitMs = 120_000;
let engine: TestEngine;
let subject: DockerSubject;

beforeAll(async () => {
  engine = await withEngine({ isPrivate: true, flags: ['--live-restore'] });
  subject = await dockerSubject(engine);
}, limitMs);
afterAll(async () => {
  await subject?.close();
  await engine?.stop();
}, limitMs);

const it = (sentence: string, run: () => Promise<void>): void => test(sentence, run, limitMs);
const sandboxName = ({ instanceId }: InstanceSpec): string => `luma-sandbox-${instanceId}`;
const inspect = (idOrName: string): Promise<ContainerInspectInfo> =>
  subject.docker.getContainer(idOrName).inspect();
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);
const answers = ({ host, port }: InstanceAddress): Promise<true> =>
  until(`an answer from ${host}`, async () => {
    const options = { keepalive: false, signal: AbortSignal.timeout(1_000) };
    const response = await fetch(`http://${host}:${port}/`, options).catch(() => null);
    return response?.ok || undefined;
  });

async function awake(): Promise<InstanceSpec> {
  const spec = subject.spec({ image: 'luma-test/busybox' });
  await subject.runtime.prepare(spec);
  await answers((await subject.runtime.start(spec.instanceId)).address);
  return spec;
}

/** Returns the process that nobody looks after any more. */
async function lose(idOrName: string): Promise<number> {
  const { Id, State } = await inspect(idOrName);
  await engine.kill();
  const folder = dirname(engine.dockerHost.replace('unix://', ''));
  const file = join(folder, 'data/containers', Id, 'config.v2.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { State: object };
  config.State = { ...config.State, Running: false, Pid: 0 };
  writeFileSync(file, JSON.stringify(config));
  await engine.restart();
  expect((await inspect(Id)).State.Running).toBe(false);
  expect(isAlive(State.Pid)).toBe(true);
  return State.Pid;
}

it('a sandbox that is lost ends before another gets its address, so that the next start is reached', async () => {
  const spec = await awake();
  await subject.runtime.stop(spec.instanceId, 1_000);
  const before = await hostOf(spec);
  const pid = await lose(sandboxName(spec));
  const { address } = await subject.runtime.start(spec.instanceId);
  expect(isAlive(pid)).toBe(false);
  // The very danger: the engine has forgotten who has it.
  expect(before).toBe(address.host);
  await answers(address);
  await subject.runtime.remove(spec.instanceId);
});

it('an instance that is lost ends when it is removed', async () => {
  const spec = await awake();
  const pid = await lose(await subject.containerOf(spec.instanceId));
  await subject.runtime.remove(spec.instanceId);
  expect(isAlive(pid)).toBe(false);
});

it('an instance that is lost ends when its next start finds out, and its program can be started again', async () => {
  const spec = await awake();
  const pid = await lose(await subject.containerOf(spec.instanceId));
  // Docker 20.10 refuses to start it, Docker 26 starts it and takes it for ended: either is tried again after a prepare.
  const code = expect.stringMatching(/^instance_(not_found|exited)$/);
  await expect(subject.runtime.start(spec.instanceId)).rejects.toMatchObject({ code });
  expect(isAlive(pid)).toBe(false);
  await subject.runtime.prepare(spec);
  await answers((await subject.runtime.start(spec.instanceId)).address);
  await subject.runtime.remove(spec.instanceId);
});

it('a sandbox that runs without a network is made again by the next start; what runs in it is ended', async () => {
  const spec = await awake();
  const cutOff = (): Promise<unknown> =>
    subject.docker.getNetwork('bridge').disconnect({ Container: sandboxName(spec), Force: true });
  await cutOff();
  await answers((await subject.runtime.start(spec.instanceId)).address);
  await cutOff();
  await until('its end', async () => {
    const listed = await subject.runtime.list();
    return listed.find(({ instanceId }) => instanceId === spec.instanceId)?.state === 'exited' || undefined;
  });
  await answers((await subject.runtime.start(spec.instanceId)).address);
  await subject.runtime.stop(spec.instanceId, 1_000);
  await cutOff();
  await answers((await subject.runtime.start(spec.instanceId)).address);
  await subject.runtime.remove(spec.instanceId);
});

async function hostOf(spec: InstanceSpec): Promise<string | undefined> {
  const { NetworkSettings } = await inspect(sandboxName(spec));
  return NetworkSettings.Networks['bridge']?.IPAddress;
}
