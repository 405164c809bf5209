/** Traffic: which revisions get a project's requests. */
import type { z } from '@hono/zod-openapi';
import type { ProjectView } from '../../control/contract.ts';
import { toTrafficJson } from '../project-json.ts';
import { parseBody } from '../project-settings.ts';
import { readJsonBody } from '../request-body.ts';
import type { Call } from '../route.ts';
import { isVerifyWanted, type verifyQuerySchema } from '../schemas/deploy-input.ts';
import { toWishes, trafficSchema } from '../schemas/traffic-input.ts';

type AnyCall = Call<unknown>;
type VerifyCall = Call<z.output<typeof verifyQuerySchema>>;

export async function getTraffic({ name, deps }: AnyCall): Promise<Response> {
  return answer(await deps.control.getProject(name), deps);
}

export async function putTraffic({ request, name, query, deps }: VerifyCall): Promise<Response> {
  const wishes = toWishes(parseBody(trafficSchema, await readJsonBody(request)));
  const verify = isVerifyWanted(query.verify);
  const view = await deps.turns.take(name, () => deps.control.splitTraffic(name, wishes, { verify }));
  return answer(view, deps);
}

function answer(view: ProjectView, { urlOf }: AnyCall['deps']): Response {
  return Response.json(toTrafficJson(view, urlOf));
}
