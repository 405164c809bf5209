/** The path of a Unix socket, made ready for its one owner: short enough, in a directory, and with nobody listening. */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { LumaError, messageOf } from '../../base/errors.ts';
import { SOCKET_PATH_BYTES_MAX } from '../limits.ts';

/** For everybody but the owner: no access to what is made while this is set. */
const PRIVATE_UMASK = 0o177;

/**
 * Removes what a dead daemon left there. Throws `socket_in_use` when somebody answers, `socket_path_taken` when it
 * is something else than a socket, `socket_path_too_long`, `socket_dir_unusable`.
 */
export async function prepareSocketPath(path: string, flag: string): Promise<void> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) throw tooLong(path, flag);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new LumaError('socket_dir_unusable', `cannot make ${dirname(path)}: ${messageOf(cause)}`, {
      hint: `name another place with ${flag}`,
      cause,
    });
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw taken(path, flag);
  if (await isAnswered(path)) throw inUse(path, flag);
  unlinkSync(path);
}

/** Binds with the private umask: between bind and chmod there would be a moment for others. */
export function bindPrivately<T>(bind: () => T): T {
  const before = process.umask(PRIVATE_UMASK);
  try {
    return bind();
  } finally {
    process.umask(before);
  }
}

async function isAnswered(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data: () => {} } });
    socket.terminate();
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    throw error;
  }
}

function tooLong(path: string, flag: string): LumaError {
  return new LumaError(
    'socket_path_too_long',
    `the socket path ${path} has more than ${SOCKET_PATH_BYTES_MAX} bytes`,
    {
      hint: `choose a shorter ${flag}`,
    },
  );
}

function taken(path: string, flag: string): LumaError {
  return new LumaError('socket_path_taken', `${path} is there already and is no socket`, {
    hint: `move it away, or name another place with ${flag}`,
  });
}

function inUse(path: string, flag: string): LumaError {
  return new LumaError('socket_in_use', `another luma-proxy answers on ${path}`, {
    hint: `stop that one first, or name another socket with ${flag}`,
    details: { path },
  });
}
