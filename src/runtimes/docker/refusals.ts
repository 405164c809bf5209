/** What the engine's refusals mean to people: one named error for each. Pure. */
import type { ContainerInspectInfo } from 'dockerode';
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { InstanceExit, InstanceSpec } from '../contract.ts';
import { exitOf } from './container-state.ts';
import { statusOf, wordsOf } from './engine.ts';
import { containerName } from './labels.ts';
import { noProgram } from './program-check.ts';

/** The container does not exist (any more). */
export function isGone(error: unknown): boolean {
  return statusOf(error) === 404;
}

const LEFTOVERS: readonly RegExp[] = [
  /\btask [0-9a-f]{64}: already exists/,
  /\bid already in use\b/,
  // Seen with Docker 26: the folder of a task whose shim was killed.
  /\bio\.containerd\.runtime\.v\d\.task\/\S+: file exists/,
];

/** The engine died in the middle of a start or stop, and containerd still has what the engine no longer knows of. */
export function isLeftover(refusal: LumaError): boolean {
  return LEFTOVERS.some((words) => words.test(wordsOf(refusal)));
}

export function instanceNotFound(instanceId: string): LumaError {
  return new LumaError('instance_not_found', `there is no container for instance ${instanceId}`, {
    hint: 'it was removed, or never prepared; Luma prepares it again on the next request',
  });
}

export function instanceExited(instanceId: string, exit: InstanceExit | null): LumaError {
  const how = exit?.outOfMemory ? 'ran out of memory' : `exited with code ${exit?.code ?? 'unknown'}`;
  return new LumaError('instance_exited', `instance ${instanceId} ${how} as soon as it was started`, {
    hint: 'its last log lines tell why: luma logs',
    details: { exit },
  });
}

/** Of a change that needs a running instance. */
export function changeRefused(instanceId: string, info: ContainerInspectInfo, refusal: LumaError): LumaError {
  return info.State.Running ? refusal : instanceExited(instanceId, exitOf(info.State));
}

export function startRefused(refusal: LumaError): LumaError {
  const words = wordsOf(refusal);
  if (/port is already allocated|address already in use|all ports are allocated/i.test(words)) {
    return new LumaError('port_conflict', `Docker could not publish the port: ${words}`, {
      hint: 'another program holds it; the next attempt takes another port',
      cause: refusal,
    });
  }
  if (isDiskFull(words)) return diskFull(refusal);
  if (words.includes('docker-init')) {
    return new LumaError('runtime_failed', `Docker could not start its init: ${words}`, {
      hint: 'docker-init is missing on the engine: install Docker again, or the package tini',
      cause: refusal,
    });
  }
  const isProgramMissing =
    /executable file not found|no such file or directory|permission denied|is a directory|exec format error/i;
  if (statusOf(refusal) === 400 && isProgramMissing.test(words)) return noProgram(undefined, words, refusal);
  return refusal;
}

function isDiskFull(words: string): boolean {
  return /no space left on device|disk quota exceeded/i.test(words);
}

function diskFull(refusal: LumaError): LumaError {
  return new LumaError('runtime_failed', `Docker has no disk space left: ${wordsOf(refusal)}`, {
    hint: 'free some: docker system df tells what takes it, docker image prune and docker builder prune help',
    details: refusal.details,
    cause: refusal,
  });
}

/** Of any creation. */
export function withRoomHint(error: unknown): unknown {
  return isLumaError(error) && isDiskFull(wordsOf(error)) ? diskFull(error) : error;
}

export function creationRefused(instance: InstanceSpec, error: unknown): unknown {
  const status = statusOf(error);
  const words = wordsOf(error);
  if (status === 400 && /no command specified/i.test(words)) {
    return noProgram(undefined, 'neither the image nor the project names a program', error);
  }
  if (status !== 409) return withRoomHint(error);
  return nameTaken(containerName(instance), error);
}

export function nameTaken(name: string, cause?: unknown): LumaError {
  return new LumaError('runtime_failed', `the container name ${name} is taken`, {
    hint: `another container has it: docker rename or docker rm ${name}`,
    details: { status: 409, words: cause === undefined ? '' : wordsOf(cause) },
    cause,
  });
}
