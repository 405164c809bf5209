/** What the Docker runtime does with containers that people, crashes and other installations leave behind. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { isLumaError, type LumaError } from '../../../src/base/errors.ts';
import type { InstanceSpec, RuntimeEvent } from '../../../src/runtimes/contract.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type DockerSubject, dockerSubject } from './subject.ts';
import { until } from './until.ts';

const limitMs = 60_000;
let engine: TestEngine;
let subject: DockerSubject;
const strangers: string[] = [];

beforeAll(async () => {
  engine = await withEngine();
  subject = await dockerSubject(engine);
}, limitMs);
afterEach(async () => {
  for (const id of strangers.splice(0)) await subject.docker.getContainer(id).remove({ force: true });
  for (const { instanceId } of await subject.runtime.list()) await subject.runtime.remove(instanceId);
}, limitMs);
afterAll(async () => {
  await subject?.close();
  await engine?.stop();
}, limitMs);

const started = async (spec: InstanceSpec): Promise<string> => {
  await subject.runtime.prepare(spec);
  await subject.runtime.start(spec.instanceId);
  return spec.instanceId;
};
const containerOf = async (instanceId: string) =>
  subject.docker.getContainer(await subject.containerOf(instanceId));
const stateOf = async (instanceId: string): Promise<string | undefined> =>
  (await subject.runtime.list()).find((one) => one.instanceId === instanceId)?.state;
const stranger = async (name: string, labels: Record<string, string>): Promise<string> => {
  const container = await subject.docker.createContainer({
    name,
    Image: 'luma-test/busybox',
    Labels: labels,
  });
  strangers.push(container.id);
  return container.id;
};
const refusalOf = async (promise: Promise<unknown>): Promise<LumaError> => {
  const failure = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!isLumaError(failure)) throw failure ?? new Error('expected a refusal');
  return failure;
};
const events = (): { heard: RuntimeEvent[]; stop: () => void } => {
  const heard: RuntimeEvent[] = [];
  return { heard, stop: subject.runtime.watch((event) => heard.push(event)) };
};

describe('a container', () => {
  test(
    'is published on loopback only, and says whose it is',
    async () => {
      const spec = subject.serves();
      const container = await containerOf(await started(spec));
      const info = await container.inspect();
      const sandbox = await subject.docker.getContainer(`luma-sandbox-${spec.instanceId}`).inspect();
      expect(
        Object.values(sandbox.NetworkSettings.Ports)
          .flat()
          .map((port) => port?.HostIp),
      ).toEqual(['127.0.0.1']);
      expect(info.Name).toBe(`/luma-shop-${spec.instanceId}`);
      expect(info.Config.Labels).toMatchObject({ 'luma.installation': subject.installationId });
      expect(info.HostConfig.Init).toBe(true);
      expect(sandbox.Config.Labels).toMatchObject({ 'luma.installation': subject.installationId });
    },
    limitMs,
  );

  test(
    'ends on SIGTERM although its program as PID 1 would be deaf to it',
    async () => {
      const id = await started(subject.spec({ image: 'luma-test/busybox' }));
      const exit = await subject.runtime.stop(id, 30_000);
      expect(exit?.code).not.toBe(137);
    },
    limitMs,
  );

  test(
    'that a crash left between creation and the answer is taken, not made twice',
    async () => {
      const spec = subject.serves();
      await subject.runtime.prepare(spec);
      const { id } = await containerOf(spec.instanceId);
      const next = await subject.restarted();
      try {
        await next.prepare(spec);
      } finally {
        await next.close();
      }
      expect((await containerOf(spec.instanceId)).id).toBe(id);
    },
    limitMs,
  );

  test(
    'that was renamed by hand is found by its labels',
    async () => {
      const id = await started(subject.serves());
      await (await containerOf(id)).rename({ name: `renamed-${id}` });
      const next = await subject.restarted();
      try {
        expect((await next.stop(id, 10_000))?.code).toBe(0);
      } finally {
        await next.close();
      }
    },
    limitMs,
  );

  test(
    'whose name a stranger has is refused, and the stranger is left alone',
    async () => {
      const spec = subject.serves();
      const id = await stranger(`luma-shop-${spec.instanceId}`, {});
      const refusal = await refusalOf(subject.runtime.prepare(spec));
      expect(refusal.code).toBe('runtime_failed');
      expect(refusal.hint).toContain(`luma-shop-${spec.instanceId}`);
      await subject.runtime.remove(spec.instanceId);
      expect((await subject.docker.getContainer(id).inspect()).State.Status).toBe('created');
    },
    limitMs,
  );

  test(
    'of ours with an instance nobody knows is listed; one without our label is not',
    async () => {
      const owned = { 'luma.installation': subject.installationId };
      await stranger('luma-lost', {
        ...owned,
        'luma.instance': 'i-lost',
        'luma.project': 'p',
        'luma.revision': '1',
      });
      await stranger('luma-shop-i-foreign', { 'luma.instance': 'i-foreign' });
      await stranger('luma-not-an-instance', owned);
      const listed = await subject.runtime.list();
      expect(listed).toEqual([{ instanceId: 'i-lost', project: 'p', revision: 1, state: 'prepared' }]);
    },
    limitMs,
  );
});

describe('an operator', () => {
  test(
    'who runs a copy of an instance, with all its labels, keeps the copy',
    async () => {
      const spec = subject.serves();
      const id = await started(spec);
      const { id: original } = await containerOf(id);
      const info = await subject.docker.getContainer(original).inspect();
      const copy = await stranger('copy-by-hand', info.Config.Labels);
      const next = await subject.restarted();
      try {
        expect((await next.list()).map(({ state }) => state)).toEqual(['running']);
        await next.remove(id);
      } finally {
        await next.close();
      }
      expect((await subject.docker.getContainer(copy).inspect()).State.Status).toBe('created');
      const gone = await subject.docker
        .getContainer(original)
        .inspect()
        .catch((error) => error.statusCode);
      expect(gone).toBe(404);
      await subject.docker.getContainer(copy).remove();
      strangers.splice(strangers.indexOf(copy), 1);
    },
    limitMs,
  );

  test(
    'who pauses, unpauses, stops and removes by hand is heard, and the instance can be repaired',
    async () => {
      const { heard, stop } = events();
      const spec = subject.serves();
      const id = await started(spec);
      const container = await containerOf(id);
      const heardOf = (kind: string) => until(kind, () => heard.find((event) => event.kind === kind));
      await container.pause();
      await heardOf('frozen');
      expect(await stateOf(id)).toBe('frozen');
      await container.unpause();
      await heardOf('thawed');
      await container.stop({ t: 10 });
      await heardOf('exited');
      await container.remove();
      await heardOf('removed');
      expect((await refusalOf(subject.runtime.start(id))).code).toBe('instance_not_found');
      expect((await refusalOf(subject.runtime.freeze(id))).code).toBe('instance_not_found');
      await subject.runtime.prepare(spec);
      await subject.runtime.start(id);
      expect(await stateOf(id)).toBe('running');
      stop();
    },
    limitMs,
  );

  test(
    'who starts an instance by hand has started it',
    async () => {
      const spec = subject.serves();
      await subject.runtime.prepare(spec);
      // By hand it starts only once its sandbox is there, which is made in the background.
      const started = async (): Promise<true | undefined> =>
        (await containerOf(spec.instanceId)).start().then(
          () => true as const,
          () => undefined,
        );
      await until('the start by hand', started);
      const { address } = await subject.runtime.start(spec.instanceId);
      expect(await stateOf(spec.instanceId)).toBe('running');
      expect((await subject.runtime.list())[0]?.address).toEqual(address);
    },
    limitMs,
  );
});

describe('an instance', () => {
  test(
    'that runs out of memory says so, in the event and in the list',
    async () => {
      const { heard, stop } = events();
      const spec = subject.shell('read -t 1 wait; tail /dev/zero');
      await subject.runtime.prepare(spec);
      await (await containerOf(spec.instanceId)).update({ Memory: 16 << 20, MemorySwap: 16 << 20 });
      await subject.runtime.start(spec.instanceId);
      const exited = await until('the end', () => heard.find((event) => event.kind === 'exited'));
      expect(exited).toMatchObject({ exit: { code: 137, outOfMemory: true } });
      expect((await subject.runtime.list())[0]).toMatchObject({
        state: 'exited',
        exit: { outOfMemory: true },
      });
      stop();
    },
    limitMs,
  );

  test(
    'of an image whose own program is missing says command_not_found or exits with 127',
    async () => {
      const donor = await stranger('luma-donor', {});
      const changes = 'CMD ["/no/such/program"]';
      await subject.docker.getContainer(donor).commit({ repo: 'luma-test/broken', tag: '1', changes });
      const spec = subject.spec({ image: 'luma-test/broken:1' });
      await subject.runtime.prepare(spec);
      const { heard, stop } = events();
      try {
        const failure = await subject.runtime.start(spec.instanceId).then(
          () => until('the end', () => heard.find((event) => event.kind === 'exited')),
          (error: unknown) => error,
        );
        if (isLumaError(failure)) expect(failure.code).toBe('command_not_found');
        else expect(failure).toMatchObject({ exit: { code: 127 } });
      } finally {
        stop();
        await subject.runtime.remove(spec.instanceId);
        await subject.docker.getImage('luma-test/broken:1').remove({ force: true });
      }
    },
    limitMs,
  );

  test(
    'whose program is there but not executable, or is a folder, is refused while it is prepared',
    async () => {
      for (const program of ['/www/index.html', '/www']) {
        const spec = subject.spec({ image: 'luma-test/busybox', entrypoint: [program] });
        const refusal = await refusalOf(subject.runtime.prepare(spec));
        expect(refusal.code).toBe('command_not_found');
        expect(refusal.message).toContain(program);
        expect(await stateOf(spec.instanceId)).toBeUndefined();
      }
    },
    limitMs,
  );

  test(
    'cannot be frozen when it does not run',
    async () => {
      const spec = subject.serves();
      await subject.runtime.prepare(spec);
      expect((await refusalOf(subject.runtime.freeze(spec.instanceId))).code).toBe('instance_exited');
      expect((await refusalOf(subject.runtime.thaw(spec.instanceId))).code).toBe('instance_exited');
    },
    limitMs,
  );

  test(
    'is removed at once, although another one is being pulled',
    async () => {
      const spec = subject.serves();
      const abort = new AbortController();
      const reason = new Error('deleted meanwhile');
      abort.abort(reason);
      const failure = await subject.runtime.prepare(spec, { signal: abort.signal }).catch((error) => error);
      expect(failure).toBe(reason);
      await subject.runtime.remove(spec.instanceId);
    },
    limitMs,
  );

  test(
    'gives up a start for someone who has gone, and the stop that follows finds it',
    async () => {
      const spec = subject.serves();
      await subject.runtime.prepare(spec);
      const abort = new AbortController();
      const start = subject.runtime.start(spec.instanceId, abort.signal).catch((error) => error);
      const reason = new Error('the client has gone');
      abort.abort(reason);
      expect(await start).toBe(reason);
      await subject.runtime.stop(spec.instanceId, 10_000);
      expect(['prepared', 'exited']).toContain((await stateOf(spec.instanceId)) ?? 'missing');
    },
    limitMs,
  );
});

describe('settings', () => {
  test('without an image, or with one that is none, are refused with the field named', () => {
    const check = (image: string | null) => subject.runtime.check(subject.spec({ image }).settings);
    expect(check(null)).toMatchObject([{ field: 'docker_image', code: 'image_required' }]);
    expect(check('No Such')).toMatchObject([
      { field: 'docker_image', code: 'image_invalid', value: 'No Such' },
    ]);
    expect(check('nginx')).toEqual([]);
  });
});
