/** Projects: each handler translates, and asks the control plane. */
import type { z } from '@hono/zod-openapi';
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { ProjectView, ReplaceOptions } from '../../control/contract.ts';
import type { ProjectSettings } from '../../domain/project.ts';
import { toProjectJson, toProjectText } from '../project-json.ts';
import { applyPatch, readCreate, readPatch, readPut } from '../project-settings.ts';
import { readJsonBody } from '../request-body.ts';
import type { Call } from '../route.ts';
import { type deployQuerySchema, isVerifyWanted } from '../schemas/deploy-input.ts';
import { isFlagSet } from '../schemas/queries.ts';

/** A PUT finds the project there or not; both can change under it. */
const PUT_TRIES_MAX = 3;

type AnyCall = Call<unknown>;
type DeployCall = Call<z.output<typeof deployQuerySchema>>;

export async function listProjects({ deps }: AnyCall): Promise<Response> {
  const views = await deps.control.listProjects();
  const nameOf = (view: ProjectView): string => view.project.settings.name;
  const texts = views
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .map((view) => toProjectText(view, deps.urlOf));
  const headers = { 'Content-Type': 'application/json;charset=utf-8' };
  return new Response(`{"projects":[${texts.join(',')}]}`, { headers });
}

export async function createProject({ request, deps }: AnyCall): Promise<Response> {
  const settings = readCreate(await readJsonBody(request));
  return created(await deps.control.createProject(settings), deps);
}

export async function getProject({ name, deps }: AnyCall): Promise<Response> {
  return project(await deps.control.getProject(name), deps);
}

export async function patchProject({ request, name, query, deps }: DeployCall): Promise<Response> {
  const patch = readPatch(name, await readJsonBody(request));
  const view = await deps.turns.take(name, async () => {
    const current = await deps.control.getProject(name);
    const settings = applyPatch(current.project.settings, patch);
    return deps.control.replaceProject(settings, toOptions(query));
  });
  return project(view, deps);
}

export async function putProject({ request, name, query, deps }: DeployCall): Promise<Response> {
  const settings = readPut(name, await readJsonBody(request));
  const { view, isNew } = await deps.turns.take(name, () =>
    createOrReplace(settings, toOptions(query), deps),
  );
  return isNew ? created(view, deps) : project(view, deps);
}

export async function deleteProject({ name, deps }: AnyCall): Promise<Response> {
  await deps.control.deleteProject(name);
  return new Response(null, { status: 204 });
}

export async function wakeProject({ request, name, deps }: AnyCall): Promise<Response> {
  const { view, durationMs } = await deps.control.wake(name, request.signal);
  return Response.json({ ...toProjectJson(view, deps.urlOf), wake_duration_ms: durationMs });
}

export async function sleepProject({ name, deps }: AnyCall): Promise<Response> {
  return project(await deps.control.sleep(name), deps);
}

export async function stopProject({ name, deps }: AnyCall): Promise<Response> {
  return project(await deps.control.stop(name), deps);
}

export async function startProject({ name, deps }: AnyCall): Promise<Response> {
  return project(await deps.control.start(name), deps);
}

async function createOrReplace(
  settings: ProjectSettings,
  options: ReplaceOptions,
  { control }: AnyCall['deps'],
): Promise<{ view: ProjectView; isNew: boolean }> {
  for (let attempt = 1; attempt <= PUT_TRIES_MAX; attempt++) {
    const replaced = await unless('project_not_found', () => control.replaceProject(settings, options));
    if (replaced) return { view: replaced, isNew: false };
    const made = await unless('project_exists', () => control.createProject(settings));
    if (made) return { view: made, isNew: true };
  }
  throw new LumaError(
    'project_busy',
    `project ${settings.name} is being created and deleted at the same time`,
    {
      hint: 'Try again.',
    },
  );
}

function toOptions({ verify, no_traffic: noTraffic, tag }: DeployCall['query']): ReplaceOptions {
  return { verify: isVerifyWanted(verify), noTraffic: isFlagSet(noTraffic), tag: tag ?? null };
}

/** Null when it was refused with that code. */
async function unless<T>(code: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isLumaError(error, code)) return null;
    throw error;
  }
}

function project(view: ProjectView, { urlOf }: AnyCall['deps']): Response {
  return Response.json(toProjectJson(view, urlOf));
}

function created(view: ProjectView, { urlOf }: AnyCall['deps']): Response {
  const headers = { Location: `/projects/${view.project.settings.name}` };
  return Response.json(toProjectJson(view, urlOf), { status: 201, headers });
}
