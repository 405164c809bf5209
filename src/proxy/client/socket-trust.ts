/** Whether the management socket may be talked to: one made by a stranger could feign to be the proxy. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { LumaError, messageOf } from '../../base/errors.ts';

/** Rejects with `proxy_unreachable` where nothing is, and `socket_not_trusted` where a stranger made it. */
export async function checkSocketTrust(socketPath: string): Promise<void> {
  const found = await stat(socketPath).catch((error: unknown) => {
    throw unreachable(socketPath, error);
  });
  if (!found.isSocket()) {
    throw new LumaError('proxy_unreachable', `${socketPath} is no socket`, {
      hint: 'name the management socket of luma-proxy with --socket-path',
    });
  }
  const ownUid = process.getuid?.();
  if (ownUid === undefined || found.uid === 0 || found.uid === ownUid) {
    // Asked apart: a connect that is not permitted looks like one that nobody answers.
    await access(socketPath, constants.W_OK).catch((error: unknown) => {
      throw unreachable(socketPath, error);
    });
    return;
  }
  throw new LumaError(
    'socket_not_trusted',
    `${socketPath} belongs to the user with id ${found.uid}, neither to root nor to you`,
    {
      hint:
        ownUid === 0
          ? `run this command as that user (setpriv --reuid ${found.uid} --clear-groups …, or sudo -u), or luma-proxy as root`
          : 'run this command as that user or as root, or name another socket with --socket-path',
    },
  );
}

export function unreachable(socketPath: string, cause: unknown): LumaError {
  const isForbidden = messageOf(cause).includes('EACCES');
  return new LumaError(
    'proxy_unreachable',
    isForbidden
      ? `you may not use the management socket ${socketPath}`
      : `no luma-proxy answers on ${socketPath}`,
    {
      hint: isForbidden
        ? 'run this command as the user that luma-proxy runs as, or as root'
        : 'start it with: luma-proxy run, or name its socket with --socket-path',
      cause,
    },
  );
}

/** It was there when the request began. Whoever asked for a change must look what became of it. */
export function wentAway(socketPath: string, cause: unknown): LumaError {
  return new LumaError(
    'proxy_unreachable',
    `luma-proxy on ${socketPath} went away before it answered: whether the command took effect is not known`,
    {
      hint: 'start it again with: luma-proxy run, see what is in force with: luma-proxy list-services, and repeat the command',
      cause,
    },
  );
}

/** Whether a request never reached anybody. */
export function isRefusedConnection(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return /refused|FailedToOpenSocket|ENOENT|EACCES/i.test(`${String(code)} ${messageOf(error)}`);
}
