/** From a request to its row of the table and back; every error goes through `problem.ts`. */
import { Hono } from 'hono';
import { LumaError } from '../base/errors.ts';
import { registryHost } from '../domain/registry.ts';
import { problemsOf, validationFailed } from './field-problems.ts';
import { describeRoutes } from './openapi.ts';
import { problemResponse } from './problem.ts';
import type { Call, Deps, Route } from './route.ts';
import { routes } from './routes.ts';
import { checkProjectName } from './rules/project-name.ts';

export type App = (request: Request) => Promise<Response>;

export function createApp(deps: Deps, version: string): App {
  const app = new Hono();
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), (context) =>
      answer(route, context.req.raw, context.req.param(), deps),
    );
  }
  const document = describeRoutes(routes, version);
  app.get('/openapi.json', (context) => context.json(document));
  app.notFound((context) => noRoute(context.req.raw, deps));
  app.onError((error) => problemResponse(error, deps.log));
  return async (request) => (request.method === 'HEAD' ? headOf(app, request) : app.fetch(request));
}

/** As GET, and its body let go of: a followed stream that nobody reads would stay open. */
async function headOf(app: Hono, request: Request): Promise<Response> {
  const { headers, signal } = request;
  const response = await app.fetch(new Request(request.url, { method: 'GET', headers, signal }));
  await response.body?.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}

async function answer(
  route: Route,
  request: Request,
  named: Readonly<Record<string, string>>,
  deps: Deps,
): Promise<Response> {
  const { name = '' } = named;
  if (route.path.includes('{name}')) refuseImpossibleName(route, name);
  const registry = route.path.includes('{host}') ? readRegistry(route, named['host'] ?? '') : '';
  const call: Call<unknown> = { request, name, registry, query: readQuery(route, request), deps };
  return route.handle(call);
}

/** What cannot be a name is nobody's name; only who wants to make such a project is told why not. */
function refuseImpossibleName(route: Route, name: string): void {
  const problem = checkProjectName(name);
  if (!problem) return;
  if (route.method === 'PUT') {
    throw validationFailed([{ field: 'name', ...problem, value: name.slice(0, 200) }], 'the path');
  }
  throw new LumaError('project_not_found', `there is no project named ${name.slice(0, 200)}`, {
    hint: 'List the projects to see their names.',
    fields: [{ field: 'name', message: problem.message }],
  });
}

/** In its normal form, as image references have it. */
function readRegistry(route: Route, text: string): string {
  const host = registryHost(text);
  if (host !== null) return host;
  const message = 'must be a registry as in an image reference: ghcr.io, localhost:5000';
  const field = { field: 'host', code: 'not_a_registry', message, value: text.slice(0, 200) };
  if (route.method === 'PUT') throw validationFailed([field], 'the path');
  throw new LumaError('registry_not_found', `there is no registry ${text.slice(0, 200)}`, {
    hint: 'GET /registries lists those that are known.',
    fields: [field],
  });
}

function readQuery(route: Route, request: Request): unknown {
  if (!route.query) return {};
  const parameters = new URL(request.url).searchParams;
  const repeated = [...new Set(parameters.keys())].filter((key) => parameters.getAll(key).length > 1);
  if (repeated.length > 0) {
    const problems = repeated.map((field) => ({ field, code: 'duplicate', message: 'is given twice' }));
    throw validationFailed(problems, 'the query');
  }
  const values = Object.fromEntries(parameters);
  const parsed = route.query.safeParse(values);
  if (parsed.success) return parsed.data;
  throw validationFailed(problemsOf(parsed.error, values, Object.keys(route.query.shape)), 'the query');
}

function noRoute(request: Request, { log }: Deps): Response {
  const { pathname } = new URL(request.url);
  const allowed = methodsAt(pathname);
  if (allowed.length === 0) {
    const error = new LumaError('not_found', `there is nothing at ${pathname.slice(0, 200)}`, {
      hint: 'GET /openapi.json lists every path.',
    });
    return problemResponse(error, log);
  }
  const allow = allowed.join(', ');
  const error = new LumaError('method_not_allowed', `${request.method} is not possible at ${pathname}`, {
    hint: `Possible are ${allow}.`,
  });
  return problemResponse(error, log, { Allow: allow });
}

function methodsAt(pathname: string): string[] {
  if (pathname === '/openapi.json') return ['GET', 'HEAD'];
  const methods: string[] = routes
    .filter((route) => matches(route.path, pathname))
    .map((route) => route.method);
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

function matches(path: string, pathname: string): boolean {
  const [wanted, given] = [path.split('/'), pathname.split('/')];
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part === '{name}' ? given[at] !== '' : part === given[at]))
  );
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/, ':$1');
}
