import { describe, expect, test } from 'bun:test';
import type { ProjectEvent, ProjectEventKind } from '../../domain/project-event.ts';
import { FlappingWatch } from './flapping-watch.ts';

function stage() {
  const told: { project: string; text: string; details: Readonly<Record<string, unknown>> }[] = [];
  const watch = new FlappingWatch({
    onFlapping: (project, text, details) => void told.push({ project, text, details }),
    idleTimeoutMs: (project) => (project === 'web' ? 20_000 : null),
  });
  let id = 0;
  const happens = (kind: ProjectEventKind, at: number, project = 'web'): void => {
    const event: ProjectEvent = { id: ++id, project, kind, at, message: '', details: {} };
    watch.onEvent(event);
  };
  const asks = (path: string, userAgent: string): void => watch.onCause('web', { path, userAgent });
  return { told, happens, asks };
}

describe('a project that flaps', () => {
  test('is told with how often, within what, and what to do', () => {
    const { told, happens } = stage();
    for (let minute = 0; minute < 10; minute++) {
      happens('slept', minute * 60_000);
      happens('woken', minute * 60_000 + 500);
    }
    expect(told).toEqual([
      {
        project: 'web',
        text: 'web went to sleep and woke up 6 times within 10m; a longer idle_timeout (now 20s) keeps it awake in between, and quiet_rules keep monitors and bots from waking it',
        details: {
          wakes: 6,
          crashes: 0,
          window_ms: 600_000,
          idle_timeout: '20s',
          paths: [],
          user_agents: [],
        },
      },
    ]);
  });

  test('is told with who woke it most often', () => {
    const { told, happens, asks } = stage();
    asks('/first', 'nobody: it has not slept yet');
    happens('woken', 0);
    for (let n = 0; n < 6; n++) {
      happens('slept', n * 1_000);
      asks(n % 3 === 0 ? '/' : '/healthz', n % 3 === 0 ? '' : 'UptimeRobot/2.0');
      happens('woken', n * 1_000 + 500);
    }
    expect(told[0]?.text).toEndWith(
      'from waking it, here most often /healthz (4 times) by UptimeRobot/2.0 (4 times)',
    );
    expect(told[0]?.details).toMatchObject({
      paths: [
        { text: '/healthz', count: 4 },
        { text: '/', count: 2 },
      ],
      user_agents: [{ text: 'UptimeRobot/2.0', count: 4 }],
    });
  });

  test('by crashes is sent to what it wrote', () => {
    const { told, happens } = stage();
    for (const at of [0, 1_000, 2_000]) happens('crashed', at, 'jobs');
    expect(told[0]?.text).toBe(
      'jobs crashed 3 times within 10m; see the lines that it wrote before in its events "crashed" and "unhealthy"',
    );
  });

  test('and is deleted leaves nothing to a later one of its name', () => {
    const { told, happens } = stage();
    for (const at of [0, 1_000]) happens('crashed', at);
    happens('deleted', 1_500);
    happens('crashed', 2_000);
    expect(told).toEqual([]);
  });
});
