import { describe, expect, test } from 'bun:test';
import { LumaError } from '../base/errors.ts';
import { allTo } from '../domain/revision.ts';
import { createFailingStore } from '../store/index.ts';
import { Platform, projectSettings } from './rehearsal/platform.ts';

async function platform(): Promise<Platform> {
  return new Platform().open();
}

describe('a wake', () => {
  test('of 200 concurrent first requests makes one start and 200 answers', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { startMs: 150, bootMs: 40 });
    await luma.create();
    await luma.pass(50);
    const answers = await luma.during(
      Promise.all(Array.from({ length: 200 }, () => luma.proxy.request('app'))),
    );
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(200);
    expect(luma.runtime.script.countOf('start')).toBe(1);
    expect(await luma.status()).toBe('running');
  });

  test('tells how long it took, and where the time went', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { startMs: 150, bootMs: 40 });
    await luma.create();
    await luma.pass(50);
    await luma.during(luma.proxy.request('app'));
    await luma.pass(0);
    const woken = luma.events.find((event) => event.kind === 'woken');
    expect(woken?.details).toMatchObject({ duration_ms: 190, phases: { start_ms: 150, answer_ms: 40 } });
    expect(woken?.message).toBe('app answers, woken in 190 ms.');
  });

  test('while the instance is being prepared waits for that', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { prepareMs: 5_000 });
    await luma.create();
    const answer = luma.proxy.request('app');
    expect((await luma.during(answer)).status).toBe(200);
    expect(luma.kinds()).toContain('preparing');
  });

  test('by a person resolves when it answers, and takes no time when it is awake', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { startMs: 100 });
    await luma.create();
    const first = await luma.during(luma.control.wake('app'));
    expect(first.durationMs).toBeGreaterThanOrEqual(100);
    expect(first.view.status.name).toBe('running');
    expect((await luma.control.wake('app')).durationMs).toBe(0);
  });

  test('of twenty projects starts no more at once than there are cores', async () => {
    const luma = await new Platform({ cores: 2 }).open();
    luma.runtime.script.behave('*', { startMs: 100 });
    const names = Array.from({ length: 20 }, (_, at) => `app-${at}`);
    for (const name of names) await luma.create({ name });
    const beganMs = luma.clock.monotonic();
    const answers = await luma.during(Promise.all(names.map((name) => luma.proxy.request(name))));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect(luma.clock.monotonic() - beganMs).toBeGreaterThanOrEqual(1_000);
  });

  test('makes no write to the store before it answers', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { startMs: 10 });
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    await luma.pass(200);
    await luma.during(luma.control.sleep('app'));
    const writes: string[] = [];
    let isAnswering = false;
    const plan = (write: string): 'refuse' => {
      isAnswering ||= luma.proxy.gateOf('app') === 'open';
      if (!isAnswering) writes.push(write);
      return 'refuse';
    };
    const failing = createFailingStore(luma.store, plan);
    luma.store.appendEvent = (event) => failing.appendEvent(event);
    luma.store.setInstanceIntent = (id, intent) => failing.setInstanceIntent(id, intent);
    luma.store.putInstance = (instance) => failing.putInstance(instance);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect(isAnswering).toBe(true);
    expect(writes).toEqual([]);
  });
});

describe('sleep', () => {
  test('comes idle_timeout after the END of the last exchange, in two phases', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app', 30_000));
    const { calls } = luma.proxy;
    calls.length = 0;
    await luma.pass(19_900);
    expect(await luma.status()).toBe('running');
    await luma.pass(200);
    expect(await luma.status()).toBe('idle');
    const id = (await luma.control.getProject('app')).instances[0]?.instanceId;
    expect(calls).toEqual(['fence app', 'signalled app', 'publish app forward []']);
    expect(luma.runtime.script.countOf('stop', id)).toBe(1);
    await luma.pass(0);
    expect(luma.kinds().slice(-2)).toEqual(['sleeping', 'slept']);
  });

  test('never comes while an exchange runs', async () => {
    const luma = await platform();
    await luma.create();
    const long = luma.proxy.request('app', 100_000);
    await luma.pass(99_000);
    expect(await luma.status()).toBe('running');
    expect((await luma.during(long)).status).toBe(200);
  });

  test('never comes for idle_timeout never', async () => {
    const luma = await platform();
    await luma.create({ idleTimeoutMs: null });
    await luma.during(luma.proxy.request('app'));
    await luma.pass(1_000_000);
    expect(await luma.status()).toBe('running');
  });

  test('crossed by requests at every moment loses none of them', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { startMs: 20, bootMs: 5, stopMs: 30 });
    await luma.create({ idleTimeoutMs: 1_000 });
    await luma.during(luma.proxy.request('app'));
    let sleeps = 0;
    for (let offset = 0; offset < 300; offset++) {
      await luma.pass(900 + offset);
      if ((await luma.status()) !== 'running') sleeps += 1;
      expect((await luma.during(luma.proxy.request('app'), 1)).status).toBe(200);
    }
    expect(sleeps).toBeGreaterThan(100);
  });

  test('during the stop wakes as soon as it has ended, with one start after the stop', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { stopMs: 3_000 });
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    await luma.pass(20_100);
    expect(await luma.status()).toBe('stopping');
    const answer = luma.proxy.request('app');
    await luma.pass(1_000);
    expect(luma.runtime.script.countOf('start')).toBe(1);
    expect((await luma.during(answer)).status).toBe(200);
    expect(luma.runtime.script.countOf('start')).toBe(2);
  });

  test('by a person is refused while it is in use', async () => {
    const luma = await platform();
    await luma.create();
    const long = luma.proxy.request('app', 10_000);
    await luma.pass(500);
    await expect(luma.during(luma.control.sleep('app'))).rejects.toMatchObject({
      code: 'project_busy',
      details: { in_flight: 1, held: 0 },
    });
    await luma.during(long);
    await luma.pass(200);
    expect((await luma.during(luma.control.sleep('app'))).status.name).toBe('idle');
  });

  test('does not come while the link is down, and comes after it is back', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    luma.proxy.disconnect();
    await luma.pass(60_000);
    expect(await luma.status()).toBe('running');
    await luma.proxy.connect();
    await luma.pass(21_000);
    expect(await luma.status()).toBe('idle');
  });
});

describe('a start that does not work', () => {
  test('answers who waits with the reason, and the status keeps it', async () => {
    const luma = await platform();
    const gone = new LumaError('image_not_found', 'there is no image app:1', {
      hint: 'build it or name another',
    });
    luma.runtime.script.behave('app', { refuse: { prepare: gone } });
    await luma.create();
    const answer = await luma.during(luma.proxy.request('app'));
    expect(answer).toEqual({ status: 502, by: 'image_not_found' });
    const { status } = await luma.control.getProject('app');
    expect(status.name).toBe('failed');
    expect(status.failure?.message).toBe('there is no image app:1; build it or name another');
  });

  test('says the exit code and the last lines', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', {
      exitDuringStart: { code: 3 },
      prints: () => [{ stream: 'stderr', text: 'no database' }],
    });
    await luma.create();
    const answer = await luma.during(luma.proxy.request('app'));
    expect(answer).toEqual({ status: 502, by: 'instance_exited' });
    const { status } = await luma.control.getProject('app');
    expect(status.failure).toMatchObject({
      message: 'it exited with code 3 during its start',
      logLines: ['no database'],
    });
    expect(luma.events.find((event) => event.kind === 'wake_failed')?.details).toMatchObject({
      code: 'instance_exited',
      log_lines: ['no database'],
    });
  });

  test('says what this start printed, not what earlier ones did', async () => {
    const luma = await platform();
    let starts = 0;
    luma.runtime.script.behave('app', {
      exitDuringStart: { code: 3 },
      prints: () => [{ stream: 'stderr', text: `start ${++starts}` }],
    });
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    await luma.pass(1_000);
    await luma.during(luma.proxy.request('app'));
    expect(starts).toBe(2);
    const { status } = await luma.control.getProject('app');
    expect(status.failure?.logLines).toEqual(['start 2']);
  });

  test('because nothing answers names the port, and the instance is stopped', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { isMute: true });
    await luma.create({ wakeTimeoutMs: 11_000 });
    await luma.pass(10);
    const answer = await luma.during(luma.proxy.request('app'), 100);
    expect(answer).toEqual({ status: 502, by: 'port_never_opened' });
    await luma.pass(1_000);
    const { status, instances } = await luma.control.getProject('app');
    expect(status.failure?.message).toContain('port 80 within 11 s');
    expect(instances[0]?.state).toBe('prepared');
  });

  test('is retried on the next request after a back-off that doubles', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { exitDuringStart: { code: 1 } });
    await luma.create();
    await luma.pass(10);
    await luma.during(luma.proxy.request('app'));
    expect(await luma.during(luma.proxy.request('app'))).toMatchObject({ status: 502 });
    expect(luma.runtime.script.countOf('start')).toBe(1);
    await luma.pass(1_000);
    await luma.during(luma.proxy.request('app'));
    expect(luma.runtime.script.countOf('start')).toBe(2);
    expect(luma.proxy.calls.filter((call) => call.startsWith('wake-failed'))).toEqual([
      'wake-failed app instance_exited 1000',
      'wake-failed app instance_exited 2000',
    ]);
    luma.runtime.script.behave('app', {});
    await luma.pass(2_000);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect((await luma.control.getProject('app')).status.failure).toBeNull();
  });

  test('because the engine is away holds its requests until it is back', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(10);
    luma.runtime.script.becomeUnavailable();
    const held = luma.proxy.request('app');
    await luma.pass(5_000);
    expect(luma.events.filter(({ kind }) => kind === 'wake_failed')).toHaveLength(1);
    luma.runtime.script.becomeAvailable();
    await luma.pass(2_000);
    expect((await luma.during(held)).status).toBe(200);
    expect((await luma.control.getProject('app')).status.failure).toBeNull();
    expect(luma.proxy.calls.filter((call) => call.startsWith('wake-failed'))).toEqual([]);
  });

  test('because the engine is away is told at once to a person who asked', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(10);
    luma.runtime.script.becomeUnavailable();
    await expect(luma.during(luma.control.wake('app'))).rejects.toMatchObject({
      code: 'runtime_unavailable',
    });
  });

  test('whose reply was lost is made sure of and started again', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(10);
    luma.runtime.script.loseReply('start', 'error');
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
    expect((await luma.runtime.list()).filter((each) => each.state === 'running')).toHaveLength(1);
  });
});

describe('a crash', () => {
  test('while it serves is an event with the exit code, and the next request starts it again', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    const id = (await luma.control.getProject('app')).instances[0]?.instanceId ?? '';
    luma.runtime.script.exit(id, { code: 7 });
    await luma.pass(50);
    expect(await luma.status()).toBe('idle');
    expect(luma.events.find((event) => event.kind === 'crashed')?.details).toMatchObject({ exit_code: 7 });
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  });

  test('again and again makes the restart wait, and requests with it, for at most four seconds', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { exitAfter: { ms: 200, exit: { code: 1 } } });
    await luma.create();
    const statuses: number[] = [];
    const waited: number[] = [];
    for (let round = 0; round < 6; round++) {
      const askedAt = luma.clock.monotonic();
      statuses.push((await luma.during(luma.proxy.request('app'))).status);
      waited.push(Math.floor((luma.clock.monotonic() - askedAt) / 1_000));
      await luma.pass(220);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 502]);
    expect(waited).toEqual([0, 0, 0, 1, 3, 0]);
    expect(await luma.status()).toBe('failed');
  });

  test('that nobody reported is found when the edge is refused', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    luma.runtime.script.dropEvents();
    const id = (await luma.control.getProject('app')).instances[0]?.instanceId ?? '';
    luma.runtime.script.exit(id);
    await luma.pass(50);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(502);
    await luma.pass(50);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  });

  test('behind a broken event stream is found when it is listed again', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    luma.runtime.script.dropEvents();
    const id = (await luma.control.getProject('app')).instances[0]?.instanceId ?? '';
    luma.runtime.script.exit(id);
    luma.runtime.script.relist();
    await luma.pass(50);
    expect(luma.kinds()).toContain('crashed');
  });

  test('of what it is made of: a vanished instance is prepared again', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(10);
    const id = (await luma.control.getProject('app')).instances[0]?.instanceId ?? '';
    luma.runtime.script.vanish(id);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  });
});

describe('a change of settings', () => {
  test('of the image starts the new instance, switches, drains the old one and removes it', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    const old = (await luma.control.getProject('app')).instances[0]?.instanceId ?? '';
    const long = luma.proxy.request('app', 8_000);
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:2' })));
    await luma.pass(1_000);
    const answer = await luma.during(luma.proxy.request('app'));
    expect(answer.status).toBe(200);
    expect(answer.by).not.toBe(old);
    expect(luma.runtime.script.countOf('stop', old)).toBe(0);
    expect(await luma.during(long)).toEqual({ status: 200, by: old });
    await luma.pass(1_000);
    const { instances, project } = await luma.control.getProject('app');
    expect(project.revision).toBe(2);
    expect(instances).toMatchObject([{ instanceId: answer.by, revision: 2, state: 'running' }]);
    expect(await luma.runtime.list()).toHaveLength(1);
    expect(await luma.store.listInstances()).toHaveLength(1);
    expect(luma.events.find((event) => event.kind === 'switched')?.details).toEqual({ from: 1, to: 2 });
  });

  test('that does not start leaves the old one serving and says why', async () => {
    const luma = await platform();
    await luma.create();
    const before = await luma.during(luma.proxy.request('app'));
    luma.runtime.script.behave('app', { exitDuringStart: { code: 9 } });
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:2' })));
    await luma.pass(1_000);
    expect(await luma.during(luma.proxy.request('app'))).toEqual(before);
    const whileAwake = await luma.control.getProject('app');
    expect(whileAwake.status).toEqual({ name: 'running', failure: null });
    expect(whileAwake.switchFailure).toMatchObject({ code: 'instance_exited' });
    expect(luma.kinds()).toContain('switch_failed');

    luma.runtime.script.behave('app', {});
    await luma.during(luma.control.sleep('app'));
    expect((await luma.during(luma.control.wake('app'))).view).toMatchObject({
      status: { name: 'running', failure: null },
      switchFailure: { code: 'instance_exited' },
    });
  });

  test('while it sleeps replaces the prepared instance, without a start where none is wanted', async () => {
    const luma = await platform();
    await luma.create();
    await luma.pass(10);
    const change = luma.control.replaceProject(projectSettings({ image: 'app:2' }), { verify: false });
    await luma.during(change);
    await luma.pass(100);
    const list = await luma.runtime.list();
    expect(list).toMatchObject([{ revision: 2, state: 'prepared' }]);
    expect(luma.runtime.script.countOf('start')).toBe(0);
  });

  test('of a hostname touches no instance', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    const prepares = luma.runtime.script.countOf('prepare');
    await luma.during(luma.control.replaceProject(projectSettings({ hostnames: ['other.localhost'] })));
    await luma.pass(100);
    expect(luma.proxy.services.get('app')?.spec.hosts).toEqual(['other.localhost']);
    expect(luma.runtime.script.countOf('prepare')).toBe(prepares);
    expect((await luma.control.getProject('app')).project.revision).toBe(1);
  });

  test('that nothing changes is no change', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.control.replaceProject(projectSettings()));
    expect(luma.kinds()).not.toContain('updated');
  });

  test('to a host that a client command owns is refused and stores nothing', async () => {
    const luma = await platform();
    await luma.create();
    luma.proxy.takenHosts.set('taken.localhost', 'blog (deployed by a command)');
    const change = luma.control.replaceProject(projectSettings({ hostnames: ['taken.localhost'] }));
    await expect(luma.during(change)).rejects.toMatchObject({ code: 'hostname_taken' });
    expect((await luma.store.getProject('app'))?.settings.hostnames).toEqual(['app.localhost']);
  });

  test('during another one supersedes it', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { prepareMs: 500 });
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:2' })));
    await luma.pass(100);
    await luma.during(luma.control.replaceProject(projectSettings({ image: 'app:3' })));
    await luma.pass(5_000);
    expect(await luma.runtime.list()).toMatchObject([{ revision: 3, state: 'running' }]);
  });
});

describe('people', () => {
  test('who take the host of another project by a change are told which project has it', async () => {
    const luma = await platform();
    await luma.create();
    await luma.create({ name: 'blog' });
    luma.proxy.takenHosts.set('blog.localhost', 'service blog of the installation 17');
    const change = luma.control.replaceProject(projectSettings({ hostnames: ['blog.localhost'] }));
    await expect(luma.during(change)).rejects.toMatchObject({
      code: 'hostname_taken',
      message: 'the hostname blog.localhost belongs to project blog',
      details: { hostname: 'blog.localhost', owner: 'blog' },
    });
  });

  test('who register a taken host are told by whom, and nothing is kept', async () => {
    const luma = await platform();
    luma.proxy.takenHosts.set('app.localhost', 'blog');
    await expect(luma.create()).rejects.toMatchObject({ code: 'hostname_taken' });
    expect(await luma.control.listProjects()).toEqual([]);
    expect(await luma.store.listProjects()).toEqual([]);
    expect(await luma.runtime.list()).toEqual([]);
  });

  test('who delete a project get their answer when nothing of it is left', async () => {
    const luma = await platform();
    await luma.create();
    const long = luma.proxy.request('app', 5_000);
    await luma.pass(100);
    const deleted = luma.control.deleteProject('app');
    await luma.pass(100);
    expect((await luma.proxy.request('app')).status).toBe(404);
    await luma.during(deleted);
    expect((await long).status).toBe(200);
    expect(await luma.runtime.list()).toEqual([]);
    expect(await luma.store.listInstances()).toEqual([]);
    await expect(luma.control.getProject('app')).rejects.toMatchObject({ code: 'project_not_found' });
    await luma.create();
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  });

  test('who stop a project: 503 at once, what runs may end, then it is stopped until started', async () => {
    const luma = await platform();
    await luma.create();
    const long = luma.proxy.request('app', 5_000);
    await luma.pass(100);
    const stopping = luma.control.stop('app');
    await luma.pass(100);
    expect((await luma.proxy.request('app')).status).toBe(503);
    expect((await luma.during(stopping)).status.name).toBe('stopped');
    expect((await long).status).toBe(200);
    await expect(luma.control.wake('app')).rejects.toMatchObject({ code: 'project_stopped' });
    await luma.control.start('app');
    await luma.pass(10);
    expect((await luma.during(luma.proxy.request('app'))).status).toBe(200);
  });

  test('who stop it during a start: who waits is answered, the start is awaited and stopped', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { startMs: 1_000 });
    await luma.create();
    await luma.pass(10);
    const answer = luma.proxy.request('app');
    await luma.pass(200);
    await luma.during(luma.control.stop('app'));
    expect((await luma.during(answer)).status).toBe(503);
    expect((await luma.runtime.list()).every((each) => each.state !== 'running')).toBe(true);
  });

  test('who change a project while the proxy is away are told so, and reading works', async () => {
    const luma = await platform();
    await luma.create();
    luma.proxy.disconnect();
    await expect(luma.control.wake('app')).rejects.toMatchObject({ code: 'proxy_unavailable' });
    expect(await luma.control.health()).toMatchObject({ status: 'degraded', proxy: 'disconnected' });
    expect(await luma.control.listProjects()).toHaveLength(1);
  });

  test('who read the log get the lines of the instance', async () => {
    const luma = await platform();
    luma.runtime.script.behave('app', { prints: () => [{ stream: 'stdout', text: 'hello' }] });
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    const lines: string[] = [];
    for await (const line of await luma.control.logs('app', {})) lines.push(line.text);
    expect(lines).toEqual(['hello']);
  });

  test('who read the events find them in order, as sentences', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    const events = await luma.control.events('app', { afterId: 0 });
    expect(events.map((event) => event.kind)).toEqual(['created', 'prepared', 'starting', 'woken']);
    for (const event of events) expect(event.message).toMatch(/^[A-Za-z].*\.$/);
  });
});

describe('a new control plane', () => {
  test('adopts what runs: not one request fails meanwhile', async () => {
    const first = await platform();
    await first.create();
    const before = await first.during(first.proxy.request('app'));
    const second = await first.successor();
    expect(await first.proxy.request('app')).toEqual(before);
    await second.open();
    expect(await second.status()).toBe('running');
    expect(second.kinds()).toContain('adopted');
    expect(await second.during(second.proxy.request('app'))).toEqual(before);
    expect(second.runtime.script.countOf('start')).toBe(1);
    await second.pass(21_000);
    expect(await second.status()).toBe('idle');
  });

  test('answers those who were held when the old one died', async () => {
    const first = await platform();
    first.runtime.script.behave('app', { startMs: 500 });
    await first.create();
    await first.pass(10);
    const held = first.proxy.request('app');
    await first.pass(100);
    const second = await (await first.successor()).open();
    expect((await second.during(held)).status).toBe(200);
    expect((await second.runtime.list()).filter((each) => each.state === 'running')).toHaveLength(1);
  });

  test('finishes a stop that was begun, and then wakes for who waits', async () => {
    const first = await platform();
    first.runtime.script.behave('app', { stopMs: 3_000 });
    await first.create();
    await first.during(first.proxy.request('app'));
    await first.pass(20_200);
    expect((await first.store.listInstances())[0]?.intent).toBe('stopping');
    const second = await (await first.successor()).open();
    const answer = second.proxy.request('app');
    expect((await second.during(answer)).status).toBe(200);
    expect((await second.store.listInstances())[0]?.intent).toBe('live');
  });

  test('stops what the server before was starting when its own start is broken off by a stop', async () => {
    const first = await platform();
    first.runtime.script.behave('app', { startMs: 25 });
    await first.create();
    await first.pass(10);
    void first.proxy.request('app');
    await first.pass(1);
    const second = await (await first.successor()).open();
    expect(second.runtime.script.countOf('start')).toBe(2);
    await second.during(second.control.stop('app'));
    await second.pass(1_000);
    expect(await second.runtime.list()).toMatchObject([{ state: 'exited' }]);
    expect(second.kinds().at(-1)).toBe('stopped');
  });

  test('removes what a deleted project left, and leaves alone what it does not know', async () => {
    const first = await platform();
    await first.create();
    await first.during(first.proxy.request('app'));
    await first.store.deleteProject('app');
    await first.runtime.prepare({
      instanceId: 'stranger',
      project: 'x',
      revision: 1,
      settings: projectSettings(),
    });
    const second = await (await first.successor()).open();
    await second.pass(11_000);
    expect((await second.runtime.list()).map((each) => each.instanceId)).toEqual(['stranger']);
    expect(await second.store.listInstances()).toEqual([]);
    expect((await second.proxy.request('app')).status).toBe(404);
  });

  test('does not wake a revision that has failed before: the one before serves on', async () => {
    const first = await platform();
    await first.create();
    await first.during(first.proxy.request('app'));
    first.runtime.script.behave('app', { exitDuringStart: { code: 7 } });
    await first.during(first.control.replaceProject(projectSettings({ image: 'app:2' })));
    await first.pass(5_000);
    expect(first.events.some(({ kind }) => kind === 'switch_failed')).toBe(true);
    first.runtime.script.behave('app', {});
    await first.during(first.control.sleep('app'));
    first.runtime.script.behave('app', { exitDuringStart: { code: 7 } });
    const second = await (await first.successor()).open();
    await second.pass(5_000);
    first.runtime.script.behave('app', {});
    expect((await second.during(second.proxy.request('app'))).status).toBe(200);
    expect((await second.control.getProject('app')).instances[0]?.revision).toBe(1);
  });

  test('goes on with a deploy that was under way', async () => {
    const first = await platform();
    await first.create();
    await first.during(first.proxy.request('app'));
    first.runtime.script.behave('app', { prepareMs: 5_000 });
    await first.during(first.control.replaceProject(projectSettings({ image: 'app:2' })));
    await first.pass(500);
    const second = await (await first.successor()).open();
    await second.pass(8_000);
    expect(await second.runtime.list()).toMatchObject([{ revision: 2, state: 'running' }]);
    expect((await second.control.getProject('app')).project.revision).toBe(2);
  });

  test('whose runtime does not answer serves its API, holds wakes, and recovers', async () => {
    const first = await platform();
    await first.create();
    await first.pass(10);
    first.runtime.script.becomeUnavailable();
    const second = await (await first.successor()).open();
    expect(await second.status()).toBe('idle');
    const held = second.proxy.request('app');
    await expect(second.during(second.control.wake('app'))).rejects.toMatchObject({
      code: 'runtime_unavailable',
    });
    second.runtime.script.becomeAvailable();
    await second.pass(2_000);
    expect((await second.during(held)).status).toBe(200);
  });

  test('leaves what serves alone while the runtime does not answer', async () => {
    const first = await platform();
    await first.create();
    const before = await first.during(first.proxy.request('app'));
    first.runtime.script.becomeUnavailable();
    const second = await (await first.successor()).open();
    expect(await second.during(second.proxy.request('app'))).toEqual(before);
    second.runtime.script.becomeAvailable();
    await second.pass(500);
    expect(await second.during(second.proxy.request('app'))).toEqual(before);
    expect(await second.status()).toBe('running');
    expect(second.runtime.script.countOf('start')).toBe(1);
  });

  test('starts with a thousand sleeping projects without asking the engine about each', async () => {
    const first = new Platform();
    for (let at = 0; at < 1_000; at++) await first.store.insertProject(project(`app-${at}`));
    await first.open();
    const { script } = first.runtime;
    for (let turn = 0; turn < 500; turn++) await first.clock.advance(1);
    expect(script.countOf('prepare')).toBe(1_000);
    const lists = script.countOf('list');
    const second = await (await first.successor()).open();
    expect(script.countOf('prepare')).toBe(1_000);
    expect(script.countOf('list')).toBe(lists + 1);
    expect(await second.control.listProjects()).toHaveLength(1_000);
    expect((await second.during(second.proxy.request('app-999'))).status).toBe(200);
  });
});

function project(name: string): Parameters<Platform['store']['insertProject']>[0] {
  const settings = projectSettings({ name });
  return { settings, wanted: 'active', revision: 1, traffic: allTo(1), createdAt: 0, updatedAt: 0 };
}

describe('the end', () => {
  test('of luma up stops every instance after its exchanges, answers the rest at once, and leaks no timer', async () => {
    const luma = await platform();
    await luma.create();
    const long = luma.proxy.request('app', 5_000);
    await luma.pass(100);
    const closing = luma.control.close({ stopInstances: true, timeoutMs: 30_000 });
    await luma.pass(100);
    expect(await luma.proxy.request('app')).toEqual({
      status: 503,
      by: expect.stringContaining('shutting down'),
    });
    await luma.during(closing);
    expect((await long).status).toBe(200);
    expect((await luma.runtime.list()).map((each) => each.state)).toEqual(['exited']);
    expect((await luma.store.listInstances())[0]?.intent).toBe('live');
    await expect(luma.control.wake('app')).rejects.toMatchObject({ code: 'shutting_down' });
    await luma.pass(1_000);
    expect(luma.clock.armedCount).toBe(0);
  });

  test('of luma server leaves everything running and routed', async () => {
    const luma = await platform();
    await luma.create();
    const before = await luma.during(luma.proxy.request('app'));
    const published = luma.proxy.calls.length;
    await luma.during(luma.control.close({ stopInstances: false, timeoutMs: 1_000 }));
    expect(luma.proxy.calls).toHaveLength(published);
    expect(await luma.during(luma.proxy.request('app'))).toEqual(before);
  });

  test('of luma up without a proxy stops the instances all the same', async () => {
    const luma = await platform();
    await luma.create();
    await luma.during(luma.proxy.request('app'));
    luma.proxy.disconnect();
    await luma.during(luma.control.close({ stopInstances: true, timeoutMs: 1_000 }));
    expect((await luma.runtime.list()).every((each) => each.state !== 'running')).toBe(true);
  });
});
