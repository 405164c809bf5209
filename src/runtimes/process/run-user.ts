/**
 * Whom instances run as. Root never runs them itself: it drops to `luma` where that user exists, otherwise to
 * `nobody`; anybody else runs them as himself. Supplementary groups are dropped too.
 */
import { accessSync, constants, existsSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { LumaError } from '../../base/errors.ts';
import { homeFolder } from '../../base/home-folder.ts';

export interface RunUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** An existing folder; `/` when the user has none. */
  readonly home: string;
  /** Whether Luma has to drop its own privileges to become this user. */
  readonly isOther: boolean;
}

/** `name` is a user's name or `uid:gid`; without it, the rule above. */
export function chooseRunUser(name?: string): RunUser {
  const own = ownUser();
  if (own.uid !== 0) {
    if (name !== undefined && name !== own.username && name !== `${own.uid}:${own.gid}`) {
      throw new LumaError(
        'run_user_needs_root',
        `instances cannot run as ${name}: only root may change users`,
        {
          hint: `leave the user out: they run as ${nameOf(own)} then`,
        },
      );
    }
    return {
      name: nameOf(own),
      uid: own.uid,
      gid: own.gid,
      home: existingHome(homeFolder()),
      isOther: false,
    };
  }
  const found = name === undefined ? (findUser('luma') ?? findUser('nobody') ?? NOBODY) : findUser(name);
  if (!found) {
    throw new LumaError('run_user_unknown', `there is no user ${name} on this machine`, {
      hint: `create it (useradd --system ${name}), or give another`,
    });
  }
  return { ...found, isOther: found.uid !== 0 };
}

interface OwnUser {
  readonly username: string;
  readonly uid: number;
  readonly gid: number;
}

/** The machine refuses to tell of a user who has neither an account nor a HOME; the numbers are always known. */
export function ownUser(ask: () => OwnUser = userInfo): OwnUser {
  try {
    return ask();
  } catch {
    return { username: '', uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  }
}

/** A user that the machine has no name for, as in a container started with another uid, is called by number. */
export function nameOf({ username, uid }: Pick<OwnUser, 'username' | 'uid'>): string {
  return username === '' || username === 'unknown' ? `uid ${uid}` : username;
}

/** As the user: every folder on the way must be open to it. */
export function mayExecute(user: RunUser, path: string): boolean {
  return isFile(path) && may(user, path, constants.X_OK);
}

export function mayRead(user: RunUser, path: string): boolean {
  return may(user, path, constants.R_OK);
}

/** Enter the folder and read what is in it: programs look for their files in their working directory. */
export function mayWorkIn(user: RunUser, path: string): boolean {
  return may(user, path, constants.R_OK | constants.X_OK);
}

const NOBODY = { name: 'nobody', uid: 65534, gid: 65534, home: '/' };

type KnownUser = Omit<RunUser, 'isOther'>;

function findUser(name: string): KnownUser | null {
  const numbers = /^(\d{1,10}):(\d{1,10})$/.exec(name);
  if (numbers) return { name, uid: Number(numbers[1]), gid: Number(numbers[2]), home: '/' };
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid, , home] = line.split(':');
    if (user !== name || uid === undefined || gid === undefined) continue;
    return { name, uid: Number(uid), gid: Number(gid), home: existingHome(home ?? '/') };
  }
  return null;
}

function existingHome(path: string): string {
  return existsSync(path) ? path : '/';
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

function may(user: RunUser, path: string, wanted: number): boolean {
  if (!user.isOther) return mayOurselves(path, wanted);
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
  const isOpen = isAllowed(user, statSync(real), wanted) && mayReach(user, dirname(real));
  // A link that stands in a closed folder is of no use either.
  if (isOpen && mayReach(user, realpathSync(dirname(path)))) return true;
  return mayByKernel(user, path, wanted);
}

function mayOurselves(path: string, wanted: number): boolean {
  try {
    accessSync(path, wanted);
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

function mayReach(user: RunUser, folder: string): boolean {
  if (!isAllowed(user, statSync(folder), constants.X_OK)) return false;
  return folder === '/' || mayReach(user, dirname(folder));
}

function isAllowed(user: RunUser, stats: Stats, wanted: number): boolean {
  const shift = stats.uid === user.uid ? 6 : stats.gid === user.gid ? 3 : 0;
  return ((stats.mode >> shift) & wanted) === wanted;
}

/** Permission bits do not tell everything (access lists, mounts): before a refusal, the kernel itself is asked. */
function mayByKernel(user: RunUser, path: string, wanted: number): boolean {
  const { exitCode } = Bun.spawnSync({
    cmd: ['/bin/sh', '-c', questionOf(wanted), 'sh', path],
    cwd: '/',
    env: {},
    stdio: ['ignore', 'ignore', 'ignore'],
    uid: user.uid,
    gid: user.gid,
  });
  return exitCode === 0;
}

function questionOf(wanted: number): string {
  const parts = [];
  if (wanted & constants.R_OK) parts.push('test -r "$1"');
  if (wanted & constants.X_OK) parts.push('test -x "$1"');
  return parts.join(' && ');
}

function isRefusal(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['ENOENT', 'EACCES', 'ENOTDIR', 'ELOOP', 'EPERM', 'ENAMETOOLONG'].includes(code);
}
