/** What people may say about projects that belong together, and about the calendar. */
import { z } from '@hono/zod-openapi';
import {
  CRON_CHARACTERS_MAX,
  DEPENDENCIES_MAX,
  KEEP_AWAKE_MAX_MS,
  KEEP_AWAKE_MIN_MS,
  SCHEDULES_MAX,
} from '../limits.ts';
import { isDurationWithin } from '../rules/duration-range.ts';
import { checkProjectName, PROJECT_NAME_PATTERN } from '../rules/project-name.ts';
import { textThat } from '../rules/rule.ts';
import { isCron, isKnownTimeZone } from '../rules/schedule.ts';

const dependencySchema = z.strictObject({
  project: textThat(checkProjectName).openapi({ pattern: PROJECT_NAME_PATTERN, example: 'db' }),
  condition: z
    .enum(['started', 'ready'], 'must be started or ready')
    .openapi({ description: '`started`: its start has returned. `ready`: it answers. Default `ready`.' })
    .nullish(),
});

const dependsOnSchema = z
  .array(dependencySchema)
  .max(DEPENDENCIES_MAX, `must have at most ${DEPENDENCIES_MAX} projects`)
  .superRefine((dependencies, context) => {
    const names = dependencies.map(({ project }) => project);
    for (const [at, name] of names.entries()) {
      if (names.indexOf(name) === at) continue;
      const params = { code: 'duplicate' };
      context.addIssue({ code: 'custom', path: [at, 'project'], message: 'is given twice', params });
    }
  })
  .openapi({
    description:
      'Projects that are woken first, and kept awake as long as this one is. Requests are held meanwhile, within `wake_timeout`. Default none.',
  });

const scheduleSchema = z
  .strictObject({
    cron: textThat(isCron)
      .max(CRON_CHARACTERS_MAX, `must be at most ${CRON_CHARACTERS_MAX} characters long`)
      .openapi({
        description: 'Five fields: minute, hour, day of the month, month, day of the week.',
        example: '0 8 * * MON-FRI',
      }),
    time_zone: textThat(isKnownTimeZone)
      .openapi({ description: 'Default: that of the server.', example: 'Europe/Berlin' })
      .nullish(),
    keep_awake: textThat(isDurationWithin(KEEP_AWAKE_MIN_MS, KEEP_AWAKE_MAX_MS))
      .openapi({ description: 'So long after each moment it does not sleep.', example: '10h' })
      .nullish(),
    wake: z
      .literal(true, 'must be true')
      .openapi({ description: 'It is woken at each moment, and sleeps as it always does.' })
      .nullish(),
  })
  .superRefine(({ keep_awake: keepAwake, wake }, context) => {
    if ((keepAwake == null) !== (wake == null)) return;
    const params = { code: keepAwake == null ? 'required' : 'not_allowed' };
    const message =
      keepAwake == null
        ? 'is required (or wake: true)'
        : 'must be left out beside wake: a schedule does one of the two';
    context.addIssue({ code: 'custom', path: ['keep_awake'], message, params });
  });

export const keepingShape = {
  depends_on: dependsOnSchema.nullish(),
  group: textThat(checkProjectName)
    .openapi({
      description: 'Projects with the same group wake together and sleep together. Default none.',
      pattern: PROJECT_NAME_PATTERN,
      example: 'shop',
    })
    .nullish(),
  schedules: z
    .array(scheduleSchema)
    .max(SCHEDULES_MAX, `must have at most ${SCHEDULES_MAX} schedules`)
    .openapi({ description: 'When it is kept awake, or woken, by the calendar. Default none.' })
    .nullish(),
};

export type DependencyInput = z.output<typeof dependencySchema>;
export type ScheduleInput = z.output<typeof scheduleSchema>;
