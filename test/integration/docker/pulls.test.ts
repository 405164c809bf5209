/** Images that are missing here: pulled from a real registry, or refused in words a person can act on. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { isLumaError } from '../../../src/base/errors.ts';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { type TestRegistry, withRegistry } from '../../engine/registry.ts';
import { type DockerSubject, dockerSubject } from './subject.ts';

const limitMs = 60_000;
let engine: TestEngine;
let registry: TestRegistry;
let subject: DockerSubject;

beforeAll(async () => {
  engine = await withEngine({ isPrivate: true });
  registry = await withRegistry(engine);
  subject = await dockerSubject(engine);
}, limitMs);
afterAll(async () => {
  await subject?.close();
  await registry?.stop();
  await engine?.stop();
}, limitMs);

const prepare = async (image: string, lines: string[] = []): Promise<string> => {
  const spec = subject.spec({ image });
  await subject.runtime.prepare(spec, { onProgress: (line) => lines.push(line) });
  return spec.instanceId;
};

/** Without its tag and the layers that only it holds: the next prepare must pull. */
const forgetImage = async (image: string): Promise<void> => {
  for (const one of await subject.runtime.list()) await subject.runtime.remove(one.instanceId);
  await subject.docker.getImage(image).remove({ force: true });
};

async function refusalOf(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string }> {
  try {
    await promise;
  } catch (error) {
    if (!isLumaError(error)) throw error;
    return { code: error.code, message: error.message, hint: error.hint ?? '' };
  }
  throw new Error('expected a refusal');
}

describe('an image that is not here', () => {
  test(
    'is pulled, with progress, and runs',
    async () => {
      const image = await registry.push('luma-test/busybox', 'team/web', 'v1');
      const lines: string[] = [];
      const id = await prepare(image, lines);
      expect(lines[0]).toBe(`pulling ${image}`);
      const { address } = await subject.runtime.start(id);
      expect(address.port).toBe(8080);
      await forgetImage(image);
    },
    limitMs,
  );

  test(
    'is pulled at its latest tag when none is given, and at no other',
    async () => {
      await registry.push('luma-test/busybox', 'team/many', 'old');
      const latest = await registry.push('luma-test/busybox', 'team/many', 'latest');
      await prepare(`${registry.host}/team/many`);
      const tags = (await subject.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
      expect(tags.filter((tag) => tag.includes('team/many'))).toEqual([latest]);
      await forgetImage(latest);
    },
    limitMs,
  );

  test(
    'is pulled by its digest',
    async () => {
      const image = await registry.push('luma-test/busybox', 'team/pinned', 'v1');
      await prepare(image);
      const { RepoDigests } = await subject.docker.getImage(image).inspect();
      const digest = RepoDigests.find((one) => one.includes('team/pinned')) ?? '';
      await forgetImage(image);
      const id = await prepare(digest);
      const container = await subject.docker.getContainer(await subject.containerOf(id)).inspect();
      expect(container.Config.Image).toBe(digest);
      await forgetImage(digest);
    },
    limitMs,
  );

  test(
    'is pulled again when it disappeared behind our back',
    async () => {
      const image = await registry.push('luma-test/busybox', 'team/again', 'v1');
      await prepare(image);
      await forgetImage(image);
      await prepare(image);
      await forgetImage(image);
    },
    limitMs,
  );

  test(
    'with a tag that the registry does not have is not found, in the words of the registry',
    async () => {
      await registry.push('luma-test/busybox', 'team/tags', 'v1');
      const image = `${registry.host}/team/tags:v2`;
      const refusal = await refusalOf(prepare(image));
      expect(refusal.code).toBe('image_not_found');
      expect(refusal.message).toContain(image);
      expect(refusal.message).toContain('manifest unknown');
      expect(refusal.hint).toContain('tag');
    },
    limitMs,
  );

  test(
    'with a name that the registry does not have is not found',
    async () => {
      const image = `${registry.host}/nobody/nothing:1`;
      const refusal = await refusalOf(prepare(image));
      expect(refusal.code).toBe('image_not_found');
      expect(refusal.message).toContain(image);
    },
    limitMs,
  );

  test(
    'cannot be pulled while the registry is down, and can afterwards',
    async () => {
      const image = await registry.push('luma-test/busybox', 'team/down', 'v1');
      await registry.halt();
      const refusal = await refusalOf(prepare(image)).finally(() => registry.resume());
      expect(refusal.code).toBe('image_pull_failed');
      expect(refusal.message).toContain(`${image} could not be pulled from ${registry.host}`);
      expect(refusal.message).toContain('connection refused');
      expect(refusal.hint).toContain(registry.host);
      await prepare(image);
      await forgetImage(image);
    },
    limitMs,
  );

  test(
    'is not pulled for someone who has gone: the pull is given up',
    async () => {
      const image = await registry.push('luma-test/app', 'team/large', 'v1');
      await subject.docker.getImage('luma-test/app').remove({ force: true });
      const abort = new AbortController();
      const reason = new Error('the project was deleted');
      const onProgress = (): void => abort.abort(reason);
      const spec = subject.spec({ image });
      const failure = await subject.runtime
        .prepare(spec, { signal: abort.signal, onProgress })
        .catch((error) => error);
      expect(failure).toBe(reason);
      expect((await subject.runtime.list()).some((one) => one.instanceId === spec.instanceId)).toBe(false);
    },
    limitMs,
  );
});
