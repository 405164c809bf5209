/** Where luma-proxy keeps what it keeps: system directories for root, the user's own (XDG) for others. */
import { join } from 'node:path';

export interface PathSurroundings {
  readonly isRoot: boolean;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function defaultSocketPath(around: PathSurroundings): string {
  if (around.isRoot) return '/run/luma-proxy/management.sock';
  const runtimeDir = around.env['XDG_RUNTIME_DIR'];
  return runtimeDir
    ? join(runtimeDir, 'luma-proxy', 'management.sock')
    : join(defaultStateDir(around), 'management.sock');
}

export function defaultStateDir({ isRoot, home, env }: PathSurroundings): string {
  if (isRoot) return '/etc/luma-proxy';
  return join(env['XDG_STATE_HOME'] || join(home, '.local', 'state'), 'luma-proxy');
}
