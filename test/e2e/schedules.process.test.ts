/** Projects that live by the calendar, on this machine's own clock: the real server, the real proxy, real apps. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Luma, until } from './luma.ts';

const limitMs = 120_000;
const IDLE_MS = 500;
const everyMinute = '* * * * *';

let luma: Luma;
beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process', apart: true });
}, limitMs);
afterAll(() => luma?.stop(), limitMs);

const add = (name: string, schedule: Record<string, unknown>): Promise<void> =>
  luma.add({ name, idle_timeout: `${IDLE_MS}ms`, schedules: [{ cron: everyMinute, ...schedule }] });
const viewOf = async (name: string): Promise<Record<string, unknown>> =>
  (await luma.api('GET', `/projects/${name}`)).json;
const pidOf = async (name: string): Promise<string | undefined> =>
  (await luma.get(`${name}.localhost`)).body.split(' ')[1];

test(
  'a window that is open starts a project that nobody asked, keeps it over a restart of the server, and lets it go at its end',
  async () => {
    await add('office', { keep_awake: '10m' });
    await luma.untilStatus('office', 'running');
    const pid = await pidOf('office');
    const opened = (await luma.events('office')).findIndex(({ kind }) => kind === 'window_opened');
    expect(opened).toBeGreaterThanOrEqual(0);
    await luma.killServer();
    await luma.startServer();
    // Long enough for several sleeps.
    await Bun.sleep(IDLE_MS * 3);
    expect(await pidOf('office')).toBe(pid);
    expect((await viewOf('office'))['kept_awake']).toEqual([expect.objectContaining({ by: 'schedule' })]);
    expect((await luma.api('PATCH', '/projects/office', { schedules: [] })).status).toBe(200);
    await luma.untilStatus('office', 'idle');
  },
  limitMs,
);

test(
  'a wake-up starts a project at its minute, and it sleeps as always',
  async () => {
    await add('morning', { wake: true });
    const wokenAt = async (): Promise<readonly number[]> =>
      (await luma.events('morning', 'woken')).map(({ at }) => Date.parse(at));
    const next = (Math.floor(Date.now() / 60_000) + 1) * 60_000;
    await until('the next minute to wake it', async () => (await wokenAt()).some((at) => at >= next), 90_000);
    await luma.untilStatus('morning', 'idle');
    expect((await luma.events('morning', 'slept')).length).toBeGreaterThan(0);
  },
  limitMs,
);
