/** Dependencies, groups and schedules as people read them. */
import type { KeepJson, ProjectJson, ScheduleJson } from '../../api/client/index.ts';

export function keepingFacts(project: ProjectJson): readonly (readonly [string, string | null])[] {
  const { depends_on: dependsOn, group, schedules, kept_awake: keeps, waits_for: waitsFor } = project;
  return [
    ['depends on', dependsOn.map((each) => `${each.project} (${each.condition})`).join(', ') || null],
    ['waits for', waitsFor.join(', ') || null],
    ['group', group],
    ['schedules', schedules.map(scheduleText).join('; ') || null],
    ['kept awake', keeps.map(keepText).join('; ') || null],
  ];
}

/** Behind its status in a list: why it does not sleep. */
export function keptText({ kept_awake: keeps }: ProjectJson): string {
  return keeps
    .map(({ by, until, projects = [] }) => {
      if (by === 'schedule') return `until ${shortInstant(until ?? '')}`;
      return by === 'dependents' ? `for ${projects.join(', ')}` : `with ${projects.join(', ')}`;
    })
    .join('; ');
}

function scheduleText({ cron, time_zone: timeZone, keep_awake: keepAwake }: ScheduleJson): string {
  const what = keepAwake === undefined ? 'wake' : `for ${keepAwake}`;
  return `${cron} ${what}${timeZone === null ? '' : ` in ${timeZone}`}`;
}

function keepText({ by, until, projects = [] }: KeepJson): string {
  if (by === 'schedule') return `by a schedule until ${until ?? ''}`;
  return by === 'dependents' ? `for ${projects.join(', ')}` : `with its group, for ${projects.join(', ')}`;
}

/** Without fractions of a second. */
function shortInstant(instant: string): string {
  return instant.replace(/\.\d+Z$/, 'Z');
}
