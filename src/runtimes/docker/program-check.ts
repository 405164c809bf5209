/**
 * Looks for the program of `command` or `entrypoint` inside a created container. The engine's init is what
 * `start` starts, so a missing program would otherwise show only as an exit code 127 some moments later.
 */
import { posix } from 'node:path';
import type { ContainerInspectInfo } from 'dockerode';
import { LumaError } from '../../base/errors.ts';
import { type Engine, statusOf } from './engine.ts';

const pathDefault = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Bits of Go's FileMode, in which the engine answers. */
const isFolderBit = 0x8000_0000;
const isLinkBit = 0x0800_0000;
const executableBits = 0o111;

export async function checkProgram(engine: Engine, container: ContainerInspectInfo): Promise<void> {
  const program = container.Path;
  if (!program) throw noProgram(program, 'neither the image nor the project names a program');
  const candidates = programPaths(program, container.Config.WorkingDir, container.Config.Env ?? []);
  for (const path of candidates) {
    const mode = await fileMode(engine, container.Id, path);
    if (mode === null) continue;
    const isExecutable = (mode & isLinkBit) !== 0 || (mode & executableBits) !== 0;
    if ((mode & isFolderBit) === 0 && isExecutable) return;
    if (candidates.length === 1) throw noProgram(program, `${path} is not an executable file`);
  }
  const where =
    candidates.length === 1 ? '' : ` (looked in ${candidates.map((one) => posix.dirname(one)).join(', ')})`;
  throw noProgram(program, `the image has no such file${where}`);
}

/** Where a program of this name may be, first choice first: execvp's rules. */
export function programPaths(program: string, workingDir: string, env: readonly string[]): string[] {
  if (program.includes('/')) return [posix.resolve('/', workingDir, program)];
  const path = env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? pathDefault;
  return path.split(':').map((folder) => posix.resolve('/', workingDir, folder, program));
}

/** What the engine's init prints when it cannot execute the program, or null. */
export function initComplaint(logText: string): string | null {
  return /\[FATAL tini \(\d+\)\] (exec .+ failed: .+)/.exec(logText)?.[1] ?? null;
}

export function noProgram(program: string | undefined, reason: string, cause?: unknown): LumaError {
  return new LumaError('command_not_found', `cannot run ${program ?? 'the image'}: ${reason}`, {
    hint: "correct the project's command or entrypoint; it is looked up inside the image",
    cause,
  });
}

async function fileMode(engine: Engine, containerId: string, path: string): Promise<number | null> {
  try {
    const head = (await engine.call(`look for ${path} in the image`, (abortSignal) =>
      engine.docker.getContainer(containerId).infoArchive({ path, abortSignal }),
    )) as { headers: Record<string, string | undefined>; destroy(): void };
    head.destroy();
    const stat = Buffer.from(head.headers['x-docker-container-path-stat'] ?? '', 'base64').toString();
    return (JSON.parse(stat) as { mode: number }).mode;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
