/** Why a start did not work, in words that a person can act on. Pure: log lines and times are given. */
import { LumaError, messageOf } from '../../base/errors.ts';
import { checkText, startupOf } from '../../domain/probe.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { InstanceExit } from '../../runtimes/contract.ts';

interface Circumstances {
  readonly at: number;
  readonly logLines: readonly string[];
}

/** An error of the runtime's `prepare`, `start` or `stop`. */
export function failureOfError(error: unknown, { at, logLines }: Circumstances): StartFailure {
  if (!(error instanceof LumaError)) {
    return { code: 'runtime_failed', message: messageOf(error), logLines, at };
  }
  const exit = error.details['exit'];
  if (error.code === 'instance_exited' && isExit(exit)) {
    return failureOfExit(exit, 'during its start', { at, logLines });
  }
  const message = error.hint ? `${error.message}; ${error.hint}` : error.message;
  return { code: error.code, message, logLines, at };
}

export function failureOfExit(
  exit: InstanceExit | null,
  when: string,
  circumstances: Circumstances,
): StartFailure {
  const code = exit?.outOfMemory ? 'out_of_memory' : 'instance_exited';
  return { code, message: exitMessage(exit, when), ...circumstances };
}

function exitMessage(exit: InstanceExit | null, when: string): string {
  if (!exit) return `it disappeared ${when}: nobody knows why, something outside of Luma removed it`;
  if (exit.outOfMemory)
    return `it ran out of memory ${when} and was killed: give it more memory, or find what it needs it for`;
  if (exit.signal) return `it was ended by ${exit.signal} ${when}`;
  if (exit.code === null) return `it ended ${when}; its exit code is not known`;
  const hint = exitHints[exit.code];
  return `it exited with code ${exit.code} ${when}${hint ? `: ${hint}` : ''}`;
}

const exitHints: Readonly<Record<number, string>> = {
  0: 'the program ended instead of waiting for requests',
  126: 'its command cannot be executed',
  127: 'its command was not found',
  137: 'it was killed (SIGKILL)',
  139: 'it crashed (SIGSEGV)',
  143: 'it was told to end (SIGTERM)',
};

/** It runs, but nothing answered in time. */
export function failureOfSilence(
  settings: RevisionSettings,
  port: number | null,
  allowanceMs: number,
  circumstances: Circumstances,
): StartFailure {
  const within = `within ${allowanceMs / 1_000} s`;
  const where = port === null ? 'its port' : `port ${port}`;
  const check = startupOf(settings)?.check;
  if (check?.kind === 'http_get') {
    const asked = check.port === null ? `${checkText(check)} on ${where}` : checkText(check);
    const message = `${asked} gave no 2xx answer ${within}: check the path, and what the app needs before it is healthy`;
    return { code: 'health_check_failed', message, ...circumstances };
  }
  if (check?.kind === 'exec') {
    const message = `${checkText(check)} of its startup probe did not end with 0, or nothing answered on ${where}, ${within}: run it by hand in the instance`;
    return { code: 'health_check_failed', message, ...circumstances };
  }
  const asked = check?.port == null ? where : `port ${check.port}`;
  const message = `nothing answered on ${asked} ${within}: check that the app listens on 0.0.0.0 and on the port in PORT (container_port)`;
  return { code: 'port_never_opened', message, ...circumstances };
}

function isExit(value: unknown): value is InstanceExit {
  return typeof value === 'object' && value !== null && 'code' in value && 'outOfMemory' in value;
}
