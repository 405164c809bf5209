/**
 * Starts the process of an instance: as the user that instances run as, in a session of its own, with a clean
 * environment, its output in files. Bun's spawn does all of it in one vfork, so no program stands in between.
 */
import { LumaError, messageOf } from '../../base/errors.ts';
import type { InstanceSpec } from '../contract.ts';
import { processEnvironment } from './environment.ts';
import type { Output } from './output.ts';
import { resolveProgram, workingDirOf } from './program.ts';
import type { RunUser } from './run-user.ts';
import type { Stage } from './stage.ts';

export class Launcher {
  readonly #installationId: string;
  readonly #user: RunUser;
  readonly #stage: Stage;

  constructor(installationId: string, user: RunUser, stage: Stage) {
    this.#installationId = installationId;
    this.#user = user;
    this.#stage = stage;
  }

  /** Fails with `command_not_found` where `launch` would; makes copies of bundled programs where needed. */
  rehearse(spec: InstanceSpec): void {
    resolveProgram(spec.settings, this.#user, this.#stage);
  }

  launch(spec: InstanceSpec, port: number, output: Output, onExit: () => void): Bun.Subprocess {
    const user = this.#user;
    const cmd = [...resolveProgram(spec.settings, user, this.#stage)];
    const cwd = workingDirOf(spec.settings);
    const env = processEnvironment(spec, port, user, this.#installationId);
    const identity = user.isOther ? { uid: user.uid, gid: user.gid } : {};
    return output.withFiles(user, (stdout, stderr) => {
      try {
        const stdio: ['ignore', number, number] = ['ignore', stdout, stderr];
        const child = Bun.spawn({ cmd, cwd, env, stdio, detached: true, onExit, ...identity });
        // Luma may end before it: instances go on.
        child.unref();
        return child;
      } catch (error) {
        throw launchError(error, cmd[0] ?? '', cwd, user);
      }
    });
  }

  /** A command beside a running instance, with its variables; its two streams are pipes. */
  run(
    spec: InstanceSpec,
    port: number,
    command: readonly string[],
  ): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
    const user = this.#user;
    const settings = { ...spec.settings, entrypoint: command, command: null };
    const cmd = [...resolveProgram(settings, user, this.#stage)];
    const cwd = workingDirOf(spec.settings);
    const env = processEnvironment(spec, port, user, this.#installationId);
    const identity = user.isOther ? { uid: user.uid, gid: user.gid } : {};
    try {
      const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
      const child = Bun.spawn({ cmd, cwd, env, stdio, detached: true, ...identity });
      child.unref();
      return child;
    } catch (error) {
      throw launchError(error, cmd[0] ?? '', cwd, user);
    }
  }
}

/** What the kernel says when the file, its interpreter or the folder is not there or not allowed. */
const programErrors = ['ENOENT', 'EACCES', 'EPERM', 'ENOEXEC', 'ENOTDIR', 'ELOOP', 'ETXTBSY'];

function launchError(error: unknown, program: string, cwd: string, user: RunUser): LumaError {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!programErrors.includes(code)) {
    return new LumaError('runtime_failed', `the machine starts no more processes: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return new LumaError('command_not_found', `${program} cannot be executed: ${messageOf(error)}`, {
    hint: `see that ${user.name} may execute it, that its interpreter exists, and that ${cwd} is a folder`,
    cause: error,
  });
}
