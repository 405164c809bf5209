/** Revisions: what there is to go back to, and going back. */

import { toProjectJson, toRevisionJson } from '../project-json.ts';
import { parseBody } from '../project-settings.ts';
import { readJsonBody } from '../request-body.ts';
import type { Call } from '../route.ts';
import { rollbackSchema } from '../schemas/deploy-input.ts';

type AnyCall = Call<unknown>;

export async function listRevisions({ name, deps }: AnyCall): Promise<Response> {
  const revisions = await deps.control.revisions(name);
  return Response.json({ revisions: revisions.map(toRevisionJson) });
}

export async function rollbackProject({ request, name, deps }: AnyCall): Promise<Response> {
  const { revision, verify } = parseBody(rollbackSchema, await readJsonBody(request));
  const options = { ...(revision == null ? {} : { revision }), verify: verify ?? true };
  const view = await deps.turns.take(name, () => deps.control.rollback(name, options));
  return Response.json(toProjectJson(view, deps.urlOf));
}
