/** What becomes of a sleeping and of a running instance when anything happens to its sandbox, on a real engine. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import type { Container } from 'dockerode';
import { isLumaError } from '../../../src/base/errors.ts';
import type { InstanceAddress, InstanceSpec, Runtime, RuntimeEvent } from '../../../src/runtimes/contract.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type DockerSubject, dockerSubject, runtimeOn } from './subject.ts';
import { until } from './until.ts';

const limitMs = 60_000;
let engine: TestEngine;
let subject: DockerSubject;
const strangers: Container[] = [];
const heard: RuntimeEvent[] = [];
let stopWatching: () => void;

beforeAll(async () => {
  engine = await withEngine();
  subject = await dockerSubject(engine);
  stopWatching = subject.runtime.watch((event) => heard.push(event));
}, limitMs);
afterEach(async () => {
  for (const one of strangers.splice(0)) await one.remove({ force: true });
  for (const { instanceId } of await subject.runtime.list()) await subject.runtime.remove(instanceId);
  heard.splice(0);
}, limitMs);
afterAll(async () => {
  stopWatching?.();
  await subject?.close();
  await engine?.stop();
}, limitMs);

const it = (sentence: string, run: () => Promise<void>): void => test(sentence, run, limitMs);
const sandboxOf = (instanceId: string): Container =>
  subject.docker.getContainer(`luma-sandbox-${instanceId}`);
const containerOf = async (instanceId: string): Promise<Container> =>
  subject.docker.getContainer(await subject.containerOf(instanceId));
const exists = (container: Container): Promise<boolean> =>
  container.inspect().then(
    () => true,
    (error: { statusCode?: number }) => (error.statusCode === 404 ? false : Promise.reject(error)),
  );
const answers = async ({ host, port }: InstanceAddress): Promise<true | undefined> => {
  const url = `http://${host}:${port}/`;
  const response = await fetch(url, { keepalive: false, signal: AbortSignal.timeout(1_000) }).catch(
    () => null,
  );
  return response?.ok || undefined;
};
const untilAnswers = (address: InstanceAddress): Promise<true> =>
  until(`an answer from ${address.host}`, () => answers(address));
const web = (): InstanceSpec => subject.spec({ image: 'luma-test/busybox' });

/** Prepared, and its sandbox made: that follows in the background. */
async function asleep(runtime: Runtime = subject.runtime, spec = web()): Promise<InstanceSpec> {
  await runtime.prepare(spec);
  await until('its sandbox', async () => {
    const info = await sandboxOf(spec.instanceId)
      .inspect()
      .catch(() => null);
    return info?.State.Running || undefined;
  });
  return spec;
}
async function awake(): Promise<InstanceSpec> {
  const spec = await asleep();
  await untilAnswers((await subject.runtime.start(spec.instanceId)).address);
  return spec;
}

/** What a person or a crash may do to a sandbox. */
const mishaps: readonly (readonly [string, (sandbox: Container) => Promise<unknown>])[] = [
  ['was killed', (sandbox) => sandbox.kill()],
  ['was stopped', (sandbox) => sandbox.stop({ t: 5 })],
  ['was removed', (sandbox) => sandbox.remove({ force: true })],
  ['was restarted', (sandbox) => sandbox.restart({ t: 5 })],
  ['was paused', (sandbox) => sandbox.pause()],
  ['was renamed', (sandbox) => sandbox.rename({ name: `renamed-${Date.now()}` })],
];

describe('a sandbox', () => {
  it('runs as nobody, without capabilities, and ends by itself at once when it is told to', async () => {
    const { instanceId } = await asleep();
    const info = await sandboxOf(instanceId).inspect();
    const status = readFileSync(`/proc/${info.State.Pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    expect(status).toMatch(/^CapBnd:\t0000000000000000$/m);
    expect(status).toMatch(/^CapEff:\t0000000000000000$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(info.HostConfig.ReadonlyRootfs).toBe(true);
    await sandboxOf(instanceId).stop({ t: 30 });
    expect((await sandboxOf(instanceId).inspect()).State.ExitCode).toBe(0);
  });

  it('keeps address, port and host name over sleeps', async () => {
    const { instanceId } = await asleep(
      subject.runtime,
      subject.shell('hostname >/www/name; exec httpd -f -p $PORT -h /www'),
    );
    const places: unknown[] = [];
    for (let sleep = 0; sleep < 3; sleep++) {
      const { address } = await subject.runtime.start(instanceId);
      await untilAnswers(address);
      const name = await (await fetch(`http://${address.host}:${address.port}/name`)).text();
      const ports = Object.values((await sandboxOf(instanceId).inspect()).NetworkSettings.Ports);
      places.push({ address, name, port: ports.flat()[0]?.HostPort });
      await subject.runtime.stop(instanceId, 5_000);
    }
    expect(places[0]).toMatchObject({ name: `${instanceId}\n` });
    expect(places).toEqual([places[0], places[0], places[0]]);
  });
});

describe.each(mishaps)('a sandbox that %s', (_, happen) => {
  it('while its instance sleeps: the wake puts it right', async () => {
    const { instanceId } = await asleep();
    await happen(sandboxOf(instanceId));
    await untilAnswers((await subject.runtime.start(instanceId)).address);
    expect((await subject.runtime.list())[0]).toMatchObject({ instanceId, state: 'running' });
  });

  it('while its instance runs: nobody is sent to an instance without a network', async () => {
    const { instanceId } = await awake();
    await happen(sandboxOf(instanceId));
    // Some mishaps harm nobody; after the others the instance ends, and the next start has a network again.
    await until('an answer from what runs', async () => {
      const { address } = await subject.runtime.start(instanceId);
      return answers(address);
    });
    expect((await subject.runtime.list())[0]?.state).toBe('running');
  });
});

describe('an instance whose sandbox ended while it ran', () => {
  it('is ended too, with its own stop signal, and its exit is heard', async () => {
    const { instanceId } = await awake();
    await sandboxOf(instanceId).kill();
    await until('its exit', () =>
      heard.find((event) => event.kind === 'exited' && event.instanceId === instanceId),
    );
    expect((await subject.runtime.list())[0]?.state).toBe('exited');
  });

  it('is found and ended by a Luma that was away meanwhile', async () => {
    const { instanceId } = await awake();
    stopWatching();
    await sandboxOf(instanceId).restart({ t: 1 });
    const next = await subject.restarted();
    try {
      const [found] = await next.list();
      expect(found?.state).toBe('running');
      expect(found?.address).toBeUndefined();
      await until('its end', async () => (await next.list())[0]?.state === 'exited' || undefined);
      await untilAnswers((await next.start(instanceId)).address);
    } finally {
      await next.close();
      stopWatching = subject.runtime.watch((event) => heard.push(event));
    }
  });

  it('while it was frozen is not taken to be where it was', async () => {
    const { instanceId } = await awake();
    await subject.runtime.freeze(instanceId);
    const { address } = await subject.runtime.thaw(instanceId);
    await untilAnswers(address);
    await subject.runtime.freeze(instanceId);
    await sandboxOf(instanceId).kill();
    await until('an answer from what runs', async () =>
      answers((await subject.runtime.start(instanceId)).address),
    );
    expect((await subject.runtime.list())[0]?.state).toBe('running');
  });

  it('is started anew by the thaw of a Luma that was away meanwhile', async () => {
    const { instanceId } = await awake();
    stopWatching();
    await subject.runtime.freeze(instanceId);
    await sandboxOf(instanceId).restart({ t: 1 });
    const next = await subject.restarted();
    try {
      await untilAnswers((await next.thaw(instanceId)).address);
    } finally {
      await next.close();
      stopWatching = subject.runtime.watch((event) => heard.push(event));
    }
  });
});

describe('a sandbox that nobody waits for', () => {
  it('is started again some time after it ended', async () => {
    const { instanceId } = await asleep();
    await sandboxOf(instanceId).kill();
    await until('it to run again', async () => {
      return (await sandboxOf(instanceId).inspect()).State.Running || undefined;
    });
  });

  it('is made again some time after it was removed', async () => {
    const { instanceId } = await asleep();
    await sandboxOf(instanceId).remove({ force: true });
    await until('it to run again', async () => (await exists(sandboxOf(instanceId))) || undefined);
  });

  it('is removed with its instance, and after its instance was removed by hand', async () => {
    const [first, second] = [await asleep(), await asleep()];
    await subject.runtime.remove(first.instanceId);
    expect(await exists(sandboxOf(first.instanceId))).toBe(false);
    await (await containerOf(second.instanceId)).remove({ force: true });
    await until('the sandbox to go', async () => !(await exists(sandboxOf(second.instanceId))) || undefined);
  });

  it('is removed by the next Luma if its instance went while none was there', async () => {
    const { instanceId } = await asleep();
    stopWatching();
    await (await containerOf(instanceId)).remove({ force: true });
    const next = await subject.restarted();
    try {
      expect(await next.list()).toEqual([]);
      await until('the sandbox to go', async () => !(await exists(sandboxOf(instanceId))) || undefined);
    } finally {
      await next.close();
      stopWatching = subject.runtime.watch((event) => heard.push(event));
    }
  });

  it('ends when Luma leaves for good, and is started again by the next one', async () => {
    const { instanceId } = await asleep();
    const leaving = await subject.restarted();
    await leaving.list();
    await leaving.rest?.();
    await leaving.close();
    await until('it to end', async () => !(await sandboxOf(instanceId).inspect()).State.Running || undefined);
    const next = await subject.restarted();
    try {
      await next.list();
      await until(
        'it to run',
        async () => (await sandboxOf(instanceId).inspect()).State.Running || undefined,
      );
    } finally {
      await next.close();
    }
  });

  it('does not run on when it was just being started as Luma left', async () => {
    const spec = web();
    const leaving = runtimeOn(engine, subject.installationId);
    await leaving.prepare(spec);
    const sandbox = sandboxOf(spec.instanceId);
    await until('it to be made', async () => (await exists(sandbox)) || undefined);
    await leaving.rest?.();
    await leaving.close();
    await until(
      'it to have run and ended',
      async () => (await sandbox.inspect()).State.Status === 'exited' || undefined,
    );
  });
});

describe('what is not Luma’s', () => {
  it('a stranger with a sandbox’s name is refused and left alone', async () => {
    const spec = await asleep();
    const { instanceId } = spec;
    await sandboxOf(instanceId).remove({ force: true });
    const stranger = await subject.docker.createContainer({
      name: `luma-sandbox-${instanceId}`,
      Image: 'luma-test/busybox',
    });
    strangers.push(stranger);
    await stranger.start();
    const refusal = await subject.runtime.start(instanceId).then(
      () => null,
      (error: unknown) => error,
    );
    if (!isLumaError(refusal)) throw refusal ?? new Error('it was started in the network of a stranger');
    expect(refusal.hint).toContain(`luma-sandbox-${instanceId}`);
    expect((await stranger.inspect()).State.Running).toBe(true);
    expect((await subject.runtime.list())[0]?.state).not.toBe('running');
  });

  it('a copy of a sandbox, with all its labels, made from another image is left alone', async () => {
    const { instanceId } = await asleep();
    const { Config } = await sandboxOf(instanceId).inspect();
    const copy = await subject.docker.createContainer({
      name: `copy-${instanceId}`,
      Image: 'luma-test/busybox',
      Labels: Config.Labels,
    });
    strangers.push(copy);
    await subject.runtime.remove(instanceId);
    expect(await exists(sandboxOf(instanceId))).toBe(false);
    expect(await exists(copy)).toBe(true);
  });

  it('sandboxes of another installation are neither listed nor removed', async () => {
    const spec = web();
    await asleep(subject.other, spec);
    await subject.runtime.remove(spec.instanceId);
    await subject.runtime.list();
    expect((await sandboxOf(spec.instanceId).inspect()).State.Running).toBe(true);
    await untilAnswers((await subject.other.start(spec.instanceId)).address);
    await subject.other.remove(spec.instanceId);
  });
});

describe('at most two sandboxes', () => {
  it('the longest sleeper’s goes first, what runs keeps its own, and every wake still works', async () => {
    const few = runtimeOn(engine, subject.installationId, { sandboxesMax: 2 });
    const count = async (): Promise<number> => {
      const label = [`luma.installation=${subject.installationId}`, 'luma.sandbox'];
      return (await subject.docker.listContainers({ all: true, filters: { label } })).length;
    };
    stopWatching();
    try {
      const [first, second] = [await asleep(few), await asleep(few)];
      const third = web();
      await few.prepare(third);
      expect(await count()).toBe(2);
      expect(await exists(sandboxOf(third.instanceId))).toBe(false);
      await untilAnswers((await few.start(third.instanceId)).address);
      await until('the longest sleeper’s to go', async () => (await count()) === 2 || undefined);
      expect(await exists(sandboxOf(first.instanceId))).toBe(false);
      for (const { instanceId } of [first, second]) {
        await untilAnswers((await few.start(instanceId)).address);
      }
      // All three run: none can do without.
      expect(await count()).toBe(3);
      await few.stop(second.instanceId, 1_000);
      await few.list();
      await until('the sleeper’s to go', async () => (await count()) === 2 || undefined);
      expect(await exists(sandboxOf(second.instanceId))).toBe(false);
    } finally {
      await few.close();
      stopWatching = subject.runtime.watch((event) => heard.push(event));
    }
  });
});

describe('a container from before', () => {
  it('there were sandboxes serves on, and is made anew by the next preparation once it does not run', async () => {
    const spec = web();
    const { instanceId, project, revision } = spec;
    const old = await subject.docker.createContainer({
      name: `luma-${project}-${instanceId}`,
      Image: 'luma-test/busybox',
      ExposedPorts: { '8080/tcp': {} },
      Labels: {
        'luma.installation': subject.installationId,
        'luma.instance': instanceId,
        'luma.project': project,
        'luma.revision': String(revision),
      },
      HostConfig: { Init: true, PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
    });
    const { address } = await subject.runtime.start(instanceId);
    await untilAnswers(address);
    await subject.runtime.prepare(spec);
    expect((await subject.runtime.list())[0]).toMatchObject({ state: 'running', address });
    await subject.runtime.stop(instanceId, 1_000);
    await subject.runtime.prepare(spec);
    expect(await exists(old)).toBe(false);
    await untilAnswers((await subject.runtime.start(instanceId)).address);
    expect(await exists(sandboxOf(instanceId))).toBe(true);
  });

  it('its sandbox was removed, joined to that one for ever, is made anew as well', async () => {
    const spec = await asleep();
    const { instanceId } = spec;
    const info = await (await containerOf(instanceId)).inspect();
    await (await containerOf(instanceId)).remove();
    const { Config, HostConfig } = info;
    await until('its sandbox to go', async () => !(await exists(sandboxOf(instanceId))) || undefined);
    const gone = await subject.docker.createContainer({ Image: 'luma-test/busybox' });
    await subject.docker.createContainer({
      name: info.Name.slice(1),
      Image: Config.Image,
      Labels: Config.Labels,
      HostConfig: { ...HostConfig, NetworkMode: `container:${gone.id}` },
    });
    await gone.remove();
    await subject.runtime.prepare(spec);
    await untilAnswers((await subject.runtime.start(instanceId)).address);
  });
});
