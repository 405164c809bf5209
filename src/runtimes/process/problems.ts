/** What the process runtime cannot do with some settings, in the API's words. Looks at files, changes nothing. */
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { FieldProblem } from '../../base/errors.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import { commandLine } from './program.ts';
import { mayWorkIn, type RunUser } from './run-user.ts';

export type SettingsProblem = FieldProblem & { readonly code: string };

export function findProblems(settings: RevisionSettings, user: RunUser): readonly SettingsProblem[] {
  const problems = [programProblem(settings), workingDirProblem(settings, user), portProblem(settings, user)];
  return problems.filter((problem) => problem !== null);
}

function programProblem(settings: RevisionSettings): SettingsProblem | null {
  if (settings.image !== null) {
    return {
      field: 'docker_image',
      code: 'runtime_cannot_run_images',
      message:
        'this Luma runs local processes, not images: give the program in command instead, ' +
        'or install Docker and start Luma with --runtime docker',
      value: settings.image,
    };
  }
  if (commandLine(settings)[0]) return null;
  return {
    field: 'command',
    code: 'command_required',
    message:
      'is required: the program to run and its arguments, e.g. ["bun", "server.ts"]; it listens on $PORT',
  };
}

function workingDirProblem({ workingDir }: RevisionSettings, user: RunUser): SettingsProblem | null {
  if (workingDir === null) return null;
  const problem = (code: string, message: string): SettingsProblem => {
    return { field: 'working_dir', code, message, value: workingDir };
  };
  if (!isAbsolute(workingDir)) return problem('working_dir_not_absolute', 'must begin with /');
  if (!mayWorkIn(user, workingDir)) {
    return problem(
      'working_dir_unreadable',
      `does not exist, or the user ${user.name}, as which it would run, may not read it: open it and the ` +
        `folders above it (chmod o+rx), or choose another`,
    );
  }
  if (statSync(workingDir).isDirectory()) return null;
  return problem('working_dir_not_a_folder', 'must be a folder');
}

function portProblem({ containerPort }: RevisionSettings, user: RunUser): SettingsProblem | null {
  if (containerPort === null || user.uid === 0 || containerPort >= firstOpenPort()) return null;
  return {
    field: 'container_port',
    code: 'port_needs_root',
    message:
      `only root may listen on ports below ${firstOpenPort()}, and it would run as ${user.name}: ` +
      'leave container_port out (Luma chooses one and tells it in PORT), or take a higher one',
    value: containerPort,
  };
}

function firstOpenPort(): number {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'latin1'));
}
