/** The whole environment of an instance's processes. Nothing of Luma's own environment is in it. */
import type { InstanceSpec } from '../contract.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import type { RunUser } from './run-user.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function processEnvironment(
  spec: InstanceSpec,
  port: number,
  user: RunUser,
  installationId: string,
): Record<string, string> {
  return {
    PATH: DEFAULT_PATH,
    HOME: user.home,
    USER: user.name,
    LANG: 'C.UTF-8',
    ...instanceEnvironment(spec, port),
    LUMA_INSTALLATION_ID: installationId,
  };
}
