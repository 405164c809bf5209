/** Whether the management socket may be talked to: one made by a stranger could feign to be the proxy. */
import { stat } from 'node:fs/promises';
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
  if (ownUid === undefined || found.uid === 0 || found.uid === ownUid) return;
  throw new LumaError(
    'socket_not_trusted',
    `${socketPath} belongs to the user with id ${found.uid}, neither to root nor to you`,
    { hint: 'run this command as that user or as root, or name another socket with --socket-path' },
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
