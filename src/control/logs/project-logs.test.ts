/** The output of a project over a whole control plane: of every instance, of its lanes, and of those that come. */
import { afterEach, expect, test } from 'bun:test';
import { LumaError } from '../../base/errors.ts';
import { DEFAULT_SCALING } from '../../domain/project.ts';
import type { LogQuery, ProjectLogLine } from '../contract.ts';
import { Platform, projectSettings } from '../rehearsal/platform.ts';

const open: Platform[] = [];
afterEach(async () => {
  for (const luma of open.splice(0))
    await luma.during(luma.control.close({ stopInstances: false, timeoutMs: 0 }));
});

/** Revision 2 leads, revision 1 has a lane with half of the requests; both run. */
async function split(): Promise<Platform> {
  const luma = await new Platform().open();
  open.push(luma);
  const prints: NonNullable<Parameters<typeof luma.runtime.script.behave>[1]['prints']> = ({
    K_REVISION,
  }) => [{ stream: 'stdout', text: `begun ${K_REVISION}` }];
  luma.runtime.script.behave('app', { prints });
  const scaling = { ...DEFAULT_SCALING, maxInstances: 4, concurrency: 1 };
  await luma.create({ idleTimeoutMs: null, scaling });
  await luma.during(luma.control.wake('app'));
  await luma.during(
    luma.control.replaceProject(projectSettings({ image: 'app:2', idleTimeoutMs: null, scaling })),
  );
  await luma.pass(2_000);
  const half = (revision: number) => ({ revision, percent: 50, tag: null });
  await luma.during(luma.control.splitTraffic('app', [half(2), half(1)]));
  await luma.during(luma.control.wake('app'));
  await luma.pass(1_000);
  return luma;
}

async function instances(luma: Platform): Promise<Map<number, string>> {
  const { instances: all } = await luma.control.getProject('app');
  return new Map(all.map(({ revision, instanceId }) => [revision, instanceId]));
}

async function read(luma: Platform, query: LogQuery = {}): Promise<ProjectLogLine[]> {
  return Array.fromAsync(await luma.control.logs('app', query));
}

test('the lines of all that run come by time, and say who wrote them; a revision’s alone if asked', async () => {
  const luma = await split();
  const ids = await instances(luma);
  for (const revision of [1, 2, 1]) {
    luma.runtime.script.print(ids.get(revision) ?? '', 'stdout', `of ${revision}`);
    await luma.pass(10);
  }
  const lines = await read(luma, { tail: 3 });
  expect(lines.map(({ text, revision, instanceId }) => [text, revision, instanceId])).toEqual(
    [1, 2, 1].map((revision) => [`of ${revision}`, revision, ids.get(revision) ?? '']),
  );
  const ofOne = await read(luma, { revision: 1 });
  expect(ofOne.map(({ text }) => text).slice(-2)).toEqual(['of 1', 'of 1']);
  expect(ofOne.every(({ revision }) => revision === 1)).toBe(true);
  await expect(luma.control.logs('app', { revision: 9 })).rejects.toMatchObject({
    code: 'revision_not_found',
  });
});

test('who follows hears everybody, also those that come later, and no line twice', async () => {
  const luma = await split();
  const ids = await instances(luma);
  luma.runtime.script.print(ids.get(1) ?? '', 'stdout', 'before');
  const leaving = new AbortController();
  const texts: string[] = [];
  const following = (async () => {
    const lines = await luma.control.logs('app', { follow: true, tail: 1, signal: leaving.signal });
    for await (const { text, revision } of lines) texts.push(`${revision}: ${text}`);
  })();
  await luma.pass(100);
  expect(texts).toEqual(['1: before']);
  for (const revision of [2, 1]) {
    luma.runtime.script.print(ids.get(revision) ?? '', 'stdout', 'now');
    await luma.pass(10);
  }
  expect(texts.slice(1)).toEqual(['2: now', '1: now']);
  // A lane for a third revision, and more instances for the load.
  const { settings } = (await luma.control.getProject('app')).project;
  await luma.during(
    luma.control.replaceProject({ ...settings, image: 'app:3' }, { noTraffic: true, tag: 'next' }),
  );
  await luma.pass(3_000);
  const load = Promise.all([1, 2, 3, 4].map(() => luma.proxy.request('app', 5_000)));
  await luma.pass(4_000);
  await luma.during(load);
  expect(texts.filter((text) => text.endsWith('begun app-00003')).length).toBeGreaterThan(0);
  expect(texts.filter((text) => text.startsWith('2: begun')).length).toBeGreaterThan(0);
  leaving.abort();
  await luma.during(following);
});

test('who follows a project that is deleted hears the end', async () => {
  const luma = await split();
  const following = Array.fromAsync(await luma.control.logs('app', { follow: true }));
  await luma.during(luma.control.deleteProject('app'));
  expect((await luma.during(following)).length).toBeGreaterThan(0);
});

test('who follows hears an instance that could not be made at first, and one that is made again', async () => {
  const luma = await new Platform().open();
  open.push(luma);
  const prints = () => [{ stream: 'stdout' as const, text: 'begun' }];
  const refuse = { prepare: new LumaError('image_not_found', 'no such image') };
  luma.runtime.script.behave('app', { prints, refuse });
  await luma.create({ idleTimeoutMs: null });
  await luma.pass(3_000);
  const leaving = new AbortController();
  const ids: string[] = [];
  const following = (async () => {
    const lines = await luma.control.logs('app', { follow: true, signal: leaving.signal });
    for await (const { instanceId } of lines) ids.push(instanceId);
  })();
  await luma.pass(100);
  luma.runtime.script.behave('app', { prints });
  await luma.pass(5_000);
  expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  expect(ids).toHaveLength(1);
  const [id = ''] = ids;
  await luma.during(luma.control.sleep('app'));
  await luma.during(luma.runtime.remove(id));
  await luma.pass(1_000);
  expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  await luma.pass(1_000);
  expect(ids).toEqual([id, id]);
  leaving.abort();
  await luma.during(following);
});
