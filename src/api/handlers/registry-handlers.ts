/** Registries and the key that their passwords are sealed with. */
import type { z } from '@hono/zod-openapi';
import { validationFailed } from '../field-problems.ts';
import { parseBody } from '../project-settings.ts';
import { toRegistryJson } from '../registry-json.ts';
import { readJsonBody } from '../request-body.ts';
import type { Call } from '../route.ts';
import { isVerifyWanted } from '../schemas/deploy-input.ts';
import { type loginQuerySchema, putRegistrySchema, readCredentials } from '../schemas/registry-input.ts';

type AnyCall = Call<unknown>;
type LoginCall = Call<z.output<typeof loginQuerySchema>>;

export async function listRegistries({ deps }: AnyCall): Promise<Response> {
  const registries = await deps.control.listRegistries();
  return Response.json({ registries: registries.map(toRegistryJson) });
}

export async function getRegistry({ registry, deps }: AnyCall): Promise<Response> {
  return Response.json(toRegistryJson(await deps.control.getRegistry(registry)));
}

export async function putRegistry({ request, registry, query, deps }: LoginCall): Promise<Response> {
  const credentials = readCredentials(parseBody(putRegistrySchema, await readJsonBody(request)));
  if (!credentials) {
    const message = 'must be either username and password, or identity_token, or registry_token';
    throw validationFailed([{ field: 'body', code: 'contradiction', message }]);
  }
  const options = { verify: isVerifyWanted(query.verify) };
  return Response.json(toRegistryJson(await deps.control.putRegistry(registry, credentials, options)));
}

export async function deleteRegistry({ registry, deps }: AnyCall): Promise<Response> {
  await deps.control.removeRegistry(registry);
  return new Response(null, { status: 204 });
}

export async function rotateKey({ deps }: AnyCall): Promise<Response> {
  return Response.json({ key_id: await deps.control.rotateKey() });
}
