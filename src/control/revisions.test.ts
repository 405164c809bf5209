/** Revisions over a whole control plane: deploys that prove themselves, rollbacks, and what is pinned. */
import { afterEach, describe, expect, test } from 'bun:test';
import { Platform, projectSettings } from './rehearsal/platform.ts';

const open: Platform[] = [];

async function platform(): Promise<Platform> {
  const luma = await new Platform().open();
  open.push(luma);
  return luma;
}

afterEach(async () => {
  for (const luma of open.splice(0))
    await luma.during(luma.control.close({ stopInstances: false, timeoutMs: 0 }));
});

async function deploy(luma: Platform, image: string, verify = true): Promise<void> {
  await luma.during(luma.control.replaceProject(projectSettings({ image }), { verify }));
  await luma.pass(2_000);
}

async function served(luma: Platform): Promise<number | undefined> {
  const running = (await luma.runtime.list()).filter(({ state }) => state === 'running');
  expect(running).toHaveLength(1);
  return running[0]?.revision;
}

describe('a change of revision settings', () => {
  test('makes a revision that is kept whole, with the image that its tag meant then', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(100);
    luma.runtime.engine.imageVersion = 2;
    await deploy(luma, 'app:2');
    const [newest, first] = await luma.control.revisions('app');
    expect(newest).toMatchObject({ percent: 100, revision: { number: 2, pinnedImage: 'app:2@fake:2' } });
    expect(first).toMatchObject({ percent: 0, revision: { number: 1, pinnedImage: 'app:1@fake:1' } });
    expect(first?.revision.settings).toMatchObject({ image: 'app:1', containerPort: 80 });
  });

  test('of a project that sleeps is tried: it starts, answers, takes over, and sleeps again', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(100);
    await deploy(luma, 'app:2');
    expect(await served(luma)).toBe(2);
    expect(luma.kinds()).toContain('switched');
    await luma.pass(25_000);
    expect(await luma.runtime.list()).toMatchObject([{ revision: 2, state: 'exited' }]);
    expect(await luma.status()).toBe('idle');
  });

  test('of a project that sleeps leaves the old one when the new one does not start, and says why', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(100);
    luma.runtime.script.behave('app', { exitDuringStart: { code: 3 } });
    await deploy(luma, 'app:2');
    const view = await luma.control.getProject('app');
    expect(view).toMatchObject({ status: { name: 'idle' }, switchFailure: { code: 'instance_exited' } });
    expect(await luma.runtime.list()).toMatchObject([{ revision: 1, state: 'prepared' }]);
    luma.runtime.script.behave('app', {});
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(await served(luma)).toBe(1);
    const [newest, first] = await luma.control.revisions('app');
    expect([newest?.percent, first?.percent]).toEqual([0, 100]);
  });

  test('lets a request that comes during the trial wait for the new one, and have the old one if that fails', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(100);
    luma.runtime.script.behave('app', { startMs: 500, exitDuringStart: { code: 3 } });
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:2' })));
    await luma.pass(200);
    const answer = luma.proxy.request('app');
    await luma.pass(100);
    luma.runtime.script.behave('app', {});
    expect((await luma.during(answer)).status).toBe(200);
    expect([1, 2]).toContain((await served(luma)) ?? 0);
  });
});

test('a deploy over one that never worked is tried too', async () => {
  const luma = await platform();
  luma.runtime.script.behave('app', { exitDuringStart: { code: 3 } });
  await luma.create();
  await luma.during(luma.proxy.request('app'));
  expect(await luma.status()).toBe('failed');
  luma.runtime.script.behave('app', {});
  await deploy(luma, 'app:2');
  expect(await served(luma)).toBe(2);
  expect(await luma.status()).toBe('running');
});

describe('a rollback', () => {
  test('brings back the settings and the image of the revision before, whatever its tag means by now', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(100);
    await deploy(luma, 'app:2');
    luma.runtime.engine.imageVersion = 2;
    const view = await luma.during(luma.control.rollback('app', {}));
    expect(view.project).toMatchObject({ revision: 1, settings: { image: 'app:1' } });
    await luma.pass(2_000);
    expect(await served(luma)).toBe(1);
    const { instanceId } = (await luma.runtime.list()).find(({ state }) => state === 'running')!;
    expect(luma.runtime.engine.find('fake', instanceId)?.spec.pinnedImage).toBe('app:1@fake:1');
    expect((await luma.control.revisions('app')).map(({ percent }) => percent)).toEqual([0, 100]);
    expect(luma.kinds()).toContain('rolled_back');
  });

  test('and then a change makes a number that was never used', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(100);
    await deploy(luma, 'app:2');
    await luma.during(luma.control.rollback('app', { revision: 1 }));
    await luma.pass(2_000);
    await deploy(luma, 'app:3');
    expect((await luma.control.getProject('app')).project.revision).toBe(3);
    expect(await served(luma)).toBe(3);
  });

  test('of a deploy that failed clears its failure, and touches nothing that serves', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    luma.runtime.script.behave('app', { exitDuringStart: { code: 3 } });
    await deploy(luma, 'app:2');
    const starts = luma.runtime.script.countOf('start');
    const view = await luma.during(luma.control.rollback('app', {}));
    expect(view).toMatchObject({ switchFailure: null, project: { revision: 1 } });
    await luma.pass(1_000);
    expect(luma.runtime.script.countOf('start')).toBe(starts);
    expect(await served(luma)).toBe(1);
  });

  test('is not hindered by exchanges that still run on the revision it goes back to', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    const long = luma.proxy.request('app', 20_000);
    await luma.pass(100);
    await deploy(luma, 'app:2');
    await luma.during(luma.control.rollback('app', {}));
    await luma.pass(3_000);
    expect((await luma.control.revisions('app')).map(({ percent }) => percent)).toEqual([0, 100]);
    expect((await luma.during(long)).status).toBe(200);
    await luma.pass(1_000);
    expect(await served(luma)).toBe(1);
  });

  test('to what is not there is refused with what there is', async () => {
    const luma = await platform();
    await luma.create();
    await expect(luma.control.rollback('app', {})).rejects.toMatchObject({ code: 'revision_not_found' });
    const refused = luma.control.rollback('app', { revision: 9 });
    await expect(refused).rejects.toMatchObject({ details: { revisions: [1] } });
  });

  test('is finished by the next control plane when this one is killed in the middle', async () => {
    const first = await platform();
    await first.create();
    await first.during(first.proxy.request('app'));
    await deploy(first, 'app:2');
    first.runtime.script.behave('app', { prepareMs: 5_000 });
    await first.during(first.control.rollback('app', {}));
    const second = await (await first.successor()).open();
    open.push(second);
    await second.pass(10_000);
    await second.during(second.proxy.request('app'));
    expect(await served(second)).toBe(1);
  });
});
