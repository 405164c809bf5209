/** Whether a registry takes credentials: the engine asks it, since it is the engine that pulls later. Owns nothing. */
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { RegistryCredentials } from '../../domain/registry.ts';
import { type Engine, statusOf, wordsOf } from './engine.ts';
import { saysDenied } from './image-pull.ts';
import { limits } from './limits.ts';
import { registryAuth } from './registry-auth.ts';

export async function checkLogin(
  engine: Engine,
  registry: string,
  credentials: RegistryCredentials,
): Promise<void> {
  // The engine asks with accounts and identity tokens alone; such a token is for the pull.
  if (credentials.kind === 'registry_token') return;
  const asked = { ...registryAuth(registry, credentials) };
  try {
    await engine.call(
      `log in to ${registry}`,
      (abortSignal) => engine.docker.checkAuth({ ...asked, abortSignal }),
      limits.loginMs,
    );
  } catch (error) {
    throw refused(registry, error);
  }
}

function refused(registry: string, error: unknown): unknown {
  if (isLumaError(error, 'runtime_unavailable') || statusOf(error) === null) return error;
  const words = wordsOf(error);
  if (statusOf(error) === 401 || saysDenied(words)) {
    return new LumaError('registry_login_denied', `${registry} does not take these credentials: ${words}`, {
      hint: 'check the user and the password; registries with two factors want an access token in its place',
      details: { registry },
      cause: error,
    });
  }
  return new LumaError('registry_unreachable', `${registry} could not be asked: ${words}`, {
    hint: 'check its name and that the engine reaches it, or store the credentials unseen (--unverified, ?verify=false)',
    details: { registry },
    cause: error,
  });
}
