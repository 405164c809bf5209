/** The flags about projects that belong together and about the calendar, as the API's input. Only their form is judged here. */
import type { ProjectSettingsInput } from '../../api/client/index.ts';
import type { OptionSpec } from '../command.ts';
import { type CommandInput, wrongUse } from '../command-input.ts';

export const keepingOptions: readonly OptionSpec[] = [
  {
    name: 'depends-on',
    placeholder: 'project[:started|ready]',
    isRepeatable: true,
    summary: 'a project that is woken before this one, and kept awake with it; repeatable, "" for none',
  },
  {
    name: 'group',
    placeholder: 'name',
    summary: 'projects of one group wake together and sleep together; "" for none',
  },
  {
    name: 'schedule',
    placeholder: 'when',
    isRepeatable: true,
    summary:
      'keep it awake or wake it by the calendar: "0 8 * * 1-5 for 10h", "30 7 * * * wake in Europe/Berlin"; repeatable, "" for none',
  },
];

type KeepingInput = Pick<ProjectSettingsInput, 'depends_on' | 'group' | 'schedules'>;

/** Only what was given. */
export function readKeeping(input: CommandInput): KeepingInput {
  const dependsOn = input.list('depends-on');
  const group = input.text('group');
  const schedules = input.list('schedule');
  return {
    ...(dependsOn.length > 0 ? { depends_on: isNone(dependsOn) ? null : dependsOn.map(readDependency) } : {}),
    ...(group === undefined ? {} : { group: group === '' ? null : group }),
    ...(schedules.length > 0 ? { schedules: isNone(schedules) ? null : schedules.map(readSchedule) } : {}),
  };
}

function isNone(texts: readonly string[]): boolean {
  return texts.length === 1 && texts[0] === '';
}

function readDependency(text: string): NonNullable<KeepingInput['depends_on']>[number] {
  const [project = '', condition, ...more] = text.split(':');
  if (condition === undefined) return { project };
  if (more.length === 0 && (condition === 'started' || condition === 'ready')) return { project, condition };
  throw wrongUse(`--depends-on ${JSON.stringify(text)} is not project, project:started or project:ready`);
}

const schedulePattern = /^\s*((?:\S+\s+){5})(?:for\s+(\S+)|(wake))(?:\s+in\s+(\S+))?\s*$/;

function readSchedule(text: string): NonNullable<KeepingInput['schedules']>[number] {
  const [, cron, keepAwake, , timeZone] = schedulePattern.exec(text) ?? [];
  if (cron === undefined) {
    const form = '"<five cron fields> for <duration>" or "<five cron fields> wake", then "in <time zone>"';
    throw wrongUse(`--schedule ${JSON.stringify(text)} is not ${form}`);
  }
  const what = keepAwake === undefined ? { wake: true as const } : { keep_awake: keepAwake };
  return { cron: cron.trim(), ...what, ...(timeZone === undefined ? {} : { time_zone: timeZone }) };
}
