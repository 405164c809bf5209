/** From a project's `entrypoint` and `command` to the file that is executed. Reads the file system only. */
import { isAbsolute, join } from 'node:path';
import { LumaError } from '../../base/errors.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import { HELLO_PROGRAM } from '../hello/index.ts';
import { DEFAULT_PATH } from './environment.ts';
import { mayExecute, type RunUser } from './run-user.ts';
import type { Stage } from './stage.ts';

/** The words of the command line; the first names the program. Empty when nothing is to run. */
export function commandLine(settings: RevisionSettings): readonly string[] {
  return [...(settings.entrypoint ?? []), ...(settings.command ?? [])];
}

export function workingDirOf(settings: RevisionSettings): string {
  return settings.workingDir ?? '/';
}

/** The command line with the program as a full path, or `command_not_found`. */
export function resolveProgram(settings: RevisionSettings, user: RunUser, stage: Stage): readonly string[] {
  const [name = '', ...rest] = commandLine(settings);
  if (name === HELLO_PROGRAM) return [...stage.hello(), ...rest];
  if (name.includes('/')) {
    const path = isAbsolute(name) ? name : join(workingDirOf(settings), name);
    if (mayExecute(user, path)) return [path, ...rest];
    throw notFound(`${path} does not exist, or the user ${user.name} may not execute it`);
  }
  const searched = settings.envVars['PATH'] ?? DEFAULT_PATH;
  for (const folder of searched.split(':')) {
    const path = join(folder || workingDirOf(settings), name);
    if (isAbsolute(path) && mayExecute(user, path)) return [path, ...rest];
  }
  throw notFound(
    `the program ${name} is not in PATH, or the user ${user.name} may not execute it; PATH is ${searched}`,
  );
}

function notFound(message: string): LumaError {
  return new LumaError('command_not_found', message, {
    hint: 'install it, give its full path as the first word of command, or set PATH in env_vars',
  });
}
