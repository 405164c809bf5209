/** The OpenAPI document, from the same table and schemas that serve the requests. */
import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import { problemTable } from './problem.ts';
import type { Route } from './route.ts';
import { nameSchema } from './schemas/project-input.ts';
import { registrySchema } from './schemas/registry-input.ts';
import { problemSchema } from './schemas/responses.ts';

/** What any request can meet. */
const commonProblems = [
  'host_refused',
  'origin_refused',
  'peer_refused',
  'internal_error',
  'store_unavailable',
];

export function describeRoutes(routes: readonly Route[], version: string): object {
  const app = new OpenAPIHono();
  for (const route of routes) app.openAPIRegistry.registerPath(toRouteConfig(route));
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Luma',
      version,
      description:
        'Containers that start when a request arrives and sleep when it is quiet. Without a token the API is open to root and to the user Luma runs as, on loopback. Errors are RFC 9457 problem documents with a stable `code`.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: '/', description: 'The Luma that serves this document.' }],
    security: [],
  });
}

const hostInPath = { param: { name: 'host', in: 'path' } } as const;

function toRouteConfig(route: Route): RouteConfig {
  const shape = {
    ...(route.path.includes('{name}')
      ? { name: nameSchema.openapi({ param: { name: 'name', in: 'path' } }) }
      : {}),
    ...(route.path.includes('{host}') ? { host: registrySchema.shape.host.openapi(hostInPath) } : {}),
  };
  const params = Object.keys(shape).length > 0 ? { params: z.object(shape) } : {};
  const query = route.query ? { query: route.query } : {};
  const body = route.body
    ? { body: { required: true, content: { 'application/json': { schema: route.body } } } }
    : {};
  return {
    method: route.method.toLowerCase() as 'get',
    path: route.path,
    operationId: route.operationId,
    summary: route.summary,
    request: { ...params, ...query, ...body },
    responses: { ...answersOf(route), ...problemsOf(route) },
  };
}

function answersOf({ responses }: Route): RouteConfig['responses'] {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, content }]) => [
      status,
      {
        description,
        ...(content ? { content: mapValues(content, (schema) => ({ schema })) } : {}),
      },
    ]),
  );
}

function problemsOf({ problems }: Route): RouteConfig['responses'] {
  const codes = [...problems, ...commonProblems];
  const byStatus = Map.groupBy(codes, (code) => problemTable[code]?.status ?? 500);
  return Object.fromEntries(
    [...byStatus].map(([status, statusCodes]) => [
      status,
      {
        description: `Code ${statusCodes.map((code) => `\`${code}\``).join(', ')}.`,
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    ]),
  );
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
