/**
 * The path of a Unix socket, made ready for its one owner: short enough, in a directory, and with nobody listening who
 * means to stay. It owns no state.
 */
import { lstatSync, mkdirSync, renameSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isLumaError, LumaError, messageOf } from '../../base/errors.ts';
import { randomId } from '../../base/random-id.ts';
import { createProxyClient } from '../client/proxy-client.ts';
import { SOCKET_PATH_BYTES_MAX } from '../limits.ts';

/** For everybody but the owner: no access to what is made while this is set. */
const PRIVATE_UMASK = 0o177;

/** Of the name that a socket has before it takes its place. */
const TEMPORARY_CHARACTERS = 5;

/**
 * Removes what a dead daemon left there. Throws `socket_in_use` when somebody answers, `socket_path_taken` when it
 * is something else than a socket, `socket_path_too_long`, `socket_dir_unusable`.
 */
export async function prepareSocketPath(path: string, flag: string): Promise<void> {
  if (!isSocketAt(path, flag)) return;
  if (await isAnswered(path)) throw inUse(path, flag);
  unlinkSync(path);
}

/** As `prepareSocketPath`, for `placeSocket`: what is there stays until then, and may be a daemon that hands over. */
export async function checkSocketPlace(path: string, flag: string): Promise<void> {
  if (!isSocketAt(path, flag)) return;
  if ((await isAnswered(path)) && !(await isLeaving(path))) throw inUse(path, flag);
}

/** A socket at its path. */
export interface PlacedSocket<T> {
  readonly server: T;
  /** Whether nobody has put another in its place. */
  isInPlace(): boolean;
  /** Removes it from its path, unless it is another's. */
  remove(): void;
}

/** Bound beside its path and renamed to it: whoever connects finds the last one or this one, never none. */
export function placeSocket<T>(path: string, bind: (temporaryPath: string) => T): PlacedSocket<T> {
  const temporaryPath = temporaryPathFor(path);
  const server = bindAt(temporaryPath, bind);
  const { ino } = lstatSync(temporaryPath);
  renameSync(temporaryPath, path);
  // The kernel keeps the number of a socket that is bound, also when it has no name any more.
  const isInPlace = (): boolean => lstatSync(path, { throwIfNoEntry: false })?.ino === ino;
  return {
    server,
    isInPlace,
    remove: () => {
      if (isInPlace()) unlinkSync(path);
    },
  };
}

/** With the private umask: between bind and chmod there would be a moment for others. */
export function bindPrivately<T>(bind: () => T): T {
  const before = process.umask(PRIVATE_UMASK);
  try {
    return bind();
  } finally {
    process.umask(before);
  }
}

function bindAt<T>(path: string, bind: (path: string) => T): T {
  try {
    return bindPrivately(() => bind(path));
  } catch (cause) {
    const message = `no socket can be made in ${dirname(path)}: ${messageOf(cause)}`;
    const hint = 'make the folder writable, or name another place with --socket-path';
    throw new LumaError('socket_dir_unusable', message, { hint, cause });
  }
}

function temporaryPathFor(path: string): string {
  return join(dirname(path), `.${randomId(TEMPORARY_CHARACTERS)}`);
}

/** Makes its directory if need be. */
function isSocketAt(path: string, flag: string): boolean {
  const longest = Math.max(Buffer.byteLength(path), Buffer.byteLength(temporaryPathFor(path)));
  if (longest > SOCKET_PATH_BYTES_MAX) throw tooLong(path, flag);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new LumaError('socket_dir_unusable', `cannot make ${dirname(path)}: ${messageOf(cause)}`, {
      hint: `name another place with ${flag}`,
      cause,
    });
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isSocket()) throw taken(path, flag);
  return found !== undefined;
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

/** A daemon that has handed over refuses every question in this way. */
async function isLeaving(path: string): Promise<boolean> {
  try {
    await createProxyClient({ socketPath: path, isPatient: false }).health();
    return false;
  } catch (error) {
    return isLumaError(error, 'handing_over');
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
