import { describe, expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import type { Schedule } from '../../domain/keeping.ts';
import { ScheduleKeeper } from './schedule-keeper.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);
const daily = (cron: string, keepAwakeMs: number | null): Schedule => ({
  cron,
  timeZone: 'UTC',
  keepAwakeMs,
});

function stage(from: string) {
  const clock = new ManualClock(at(from));
  const heard: string[] = [];
  const stage = { clock, heard, canWake: true };
  const keeper = new ScheduleKeeper(clock, {
    onWindow: (project, until) =>
      void heard.push(
        `${project} ${until === null ? 'closed' : new Date(until).toISOString().slice(11, 16)}`,
      ),
    onWakeUp: (project) => {
      heard.push(`${project} wake${stage.canWake ? '' : ' refused'}`);
      return stage.canWake;
    },
  });
  return { ...stage, stage, keeper };
}

describe('windows and wake-ups', () => {
  test('come and go at their moments, for each project its own', async () => {
    const { clock, heard, keeper } = stage('2026-01-05T06:00:00Z');
    keeper.follow('shop', [daily('0 8 * * *', 2 * HOUR)], true);
    keeper.follow('blog', [daily('0 7 * * *', null)], true);
    keeper.open();
    await clock.advance(HOUR - 1);
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual(['blog wake']);
    await clock.advance(HOUR);
    expect(heard).toEqual(['blog wake', 'shop 10:00']);
    expect(keeper.openUntil('shop')).toBe(at('2026-01-05T10:00:00Z'));
    await clock.advance(2 * HOUR);
    expect(heard.at(-1)).toBe('shop closed');
    expect(keeper.nextAt('shop')).toBe(at('2026-01-06T08:00:00Z'));
  });

  test('that began while nobody looked: an open window counts, and a wake-up of the last minute', () => {
    const { heard, keeper } = stage('2026-01-05T08:00:59Z');
    keeper.follow('shop', [daily('0 6 * * *', 3 * HOUR)], false);
    keeper.follow('blog', [daily('0 8 * * *', null)], false);
    keeper.follow('wiki', [daily('59 7 * * *', null)], false);
    keeper.open();
    expect(heard).toEqual(['shop 09:00', 'blog wake']);
  });

  test('of schedules that are set now do not come for what was before', () => {
    const { heard, keeper } = stage('2026-01-05T08:00:30Z');
    keeper.open();
    keeper.follow('blog', [daily('0 8 * * *', null)], true);
    expect(heard).toEqual([]);
    keeper.follow('shop', [daily('0 8 * * *', HOUR)], true);
    expect(heard).toEqual(['shop 09:00']);
  });

  test('end with the schedule that made them', async () => {
    const { clock, heard, keeper } = stage('2026-01-05T08:00:30Z');
    keeper.open();
    keeper.follow('shop', [daily('0 8 * * *', HOUR)], true);
    keeper.follow('shop', [daily('0 8 * * *', 2 * HOUR)], true);
    keeper.follow('shop', [], true);
    expect(heard).toEqual(['shop 09:00', 'shop 10:00', 'shop closed']);
    await clock.advance(48 * HOUR);
    expect(heard).toHaveLength(3);
  });

  test('a wake-up that cannot be done yet is tried again for less than a minute', async () => {
    const { clock, heard, keeper, stage: scene } = stage('2026-01-05T07:59:59Z');
    scene.canWake = false;
    keeper.follow('blog', [daily('0 8 * * *', null)], true);
    keeper.open();
    await clock.advance(2_000);
    expect(heard).toEqual(['blog wake refused']);
    scene.canWake = true;
    await clock.advance(30_000);
    expect(heard).toEqual(['blog wake refused', 'blog wake']);
    await clock.advance(60_000);
    expect(heard).toHaveLength(2);
  });
});

describe('the clock on the wall', () => {
  test('that jumps ahead is noticed within half a minute; what it skipped is not made good', async () => {
    const { clock, heard, keeper } = stage('2026-01-05T07:00:00Z');
    keeper.follow('shop', [daily('0 8 * * *', 2 * HOUR)], true);
    keeper.follow('blog', [daily('0 8 * * *', null)], true);
    keeper.open();
    clock.jumpWall(1.5 * HOUR);
    await clock.advance(30_000);
    expect(heard).toEqual(['shop 10:00']);
  });

  test('that is set back closes a window that has not begun', async () => {
    const { clock, heard, keeper } = stage('2026-01-05T08:30:00Z');
    keeper.follow('shop', [daily('0 8 * * *', 2 * HOUR)], true);
    keeper.open();
    clock.jumpWall(-HOUR);
    await clock.advance(30_000);
    expect(heard).toEqual(['shop 10:00', 'shop closed']);
  });
});

test('without schedules there is no timer, and none is left behind', async () => {
  const { clock, keeper } = stage('2026-01-05T07:00:00Z');
  keeper.open();
  keeper.follow('web', [], true);
  expect(clock.armedCount).toBe(0);
  keeper.follow('shop', [daily('0 8 * * *', HOUR)], true);
  expect(clock.armedCount).toBe(1);
  keeper.forget('shop');
  expect(clock.armedCount).toBe(0);
  keeper.follow('shop', [daily('0 8 * * *', HOUR)], true);
  keeper.close();
  expect(clock.armedCount).toBe(0);
});
