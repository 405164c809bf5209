/** The whole surface of the API on one page. Handlers translate; the rules live in schemas and in the control plane. */
import { z } from '@hono/zod-openapi';
import { getEvents } from './handlers/event-handlers.ts';
import { getLogs } from './handlers/log-handlers.ts';
import {
  createProject,
  deleteProject,
  getProject,
  listProjects,
  patchProject,
  putProject,
  sleepProject,
  startProject,
  stopProject,
  wakeProject,
} from './handlers/project-handlers.ts';
import {
  deleteRegistry,
  getRegistry,
  listRegistries,
  putRegistry,
  rotateKey,
} from './handlers/registry-handlers.ts';
import { listRevisions, rollbackProject } from './handlers/revision-handlers.ts';
import { getTraffic, putTraffic } from './handlers/traffic-handlers.ts';
import { type Answer, type Route, route } from './route.ts';
import { deployQuerySchema, rollbackSchema, verifyQuerySchema } from './schemas/deploy-input.ts';
import { createProjectSchema, patchProjectSchema, putProjectSchema } from './schemas/project-input.ts';
import { eventsQuerySchema, logsQuerySchema } from './schemas/queries.ts';
import {
  keyRotationSchema,
  loginQuerySchema,
  putRegistrySchema,
  registryListSchema,
  registrySchema,
} from './schemas/registry-input.ts';
import {
  eventListSchema,
  healthSchema,
  logLineSchema,
  projectListSchema,
  projectSchema,
  revisionListSchema,
  trafficAnswerSchema,
  wokenProjectSchema,
} from './schemas/responses.ts';
import { trafficSchema } from './schemas/traffic-input.ts';

const json = (description: string, schema: z.ZodType): Answer => ({
  description,
  content: { 'application/json': schema },
});

const aProject = json('The project.', projectSchema);

/** Codes of every route that reads a body. */
const bodyProblems = [
  'invalid_json',
  'body_too_deep',
  'body_too_large',
  'unsupported_media_type',
  'validation_failed',
];

/** Codes of every route that writes to the store. */
const storeProblems = ['store_busy', 'store_full'];

/** Codes of every route that changes what a project is. */
const changeProblems = [
  ...bodyProblems,
  'dependency_unknown',
  'dependency_cycle',
  'runtime_cannot_run_images',
  'hostname_taken',
  ...storeProblems,
  'shutting_down',
];

export const routes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/projects',
    operationId: 'listProjects',
    summary: 'All projects, by name',
    responses: { 200: json('The projects.', projectListSchema) },
    problems: [],
    handle: listProjects,
  }),
  route({
    method: 'POST',
    path: '/projects',
    operationId: 'createProject',
    summary: 'Register a project; its image is fetched and prepared in the background',
    body: createProjectSchema,
    responses: { 201: json('The new project; `Location` names it.', projectSchema) },
    problems: [...changeProblems, 'project_exists'],
    handle: createProject,
  }),
  route({
    method: 'GET',
    path: '/projects/{name}',
    operationId: 'getProject',
    summary: 'One project with its status',
    responses: { 200: aProject },
    problems: ['project_not_found'],
    handle: getProject,
  }),
  route({
    method: 'PATCH',
    path: '/projects/{name}',
    operationId: 'patchProject',
    summary: 'Change some settings; a running project moves to a new instance without a gap',
    query: deployQuerySchema,
    body: patchProjectSchema,
    responses: { 200: aProject },
    problems: [...changeProblems, 'project_not_found'],
    handle: patchProject,
  }),
  route({
    method: 'PUT',
    path: '/projects/{name}',
    operationId: 'putProject',
    summary: 'Create a project or replace all its settings',
    query: deployQuerySchema,
    body: putProjectSchema,
    responses: { 200: aProject, 201: json('It is new; `Location` names it.', projectSchema) },
    problems: [...changeProblems, 'project_busy'],
    handle: putProject,
  }),
  route({
    method: 'DELETE',
    path: '/projects/{name}',
    operationId: 'deleteProject',
    summary: 'Drain, stop and remove a project; answers when nothing of it is left',
    responses: { 204: { description: 'It is gone.' } },
    problems: ['project_not_found', 'project_depended_on'],
    handle: deleteProject,
  }),
  route({
    method: 'GET',
    path: '/projects/{name}/revisions',
    operationId: 'listRevisions',
    summary: 'The revisions that are kept, newest first, and what each gets of the requests',
    responses: { 200: json('The revisions.', revisionListSchema) },
    problems: ['project_not_found'],
    handle: listRevisions,
  }),
  route({
    method: 'POST',
    path: '/projects/{name}/rollback',
    operationId: 'rollbackProject',
    summary: 'Make an earlier revision the one that serves, with its settings and its very image',
    body: rollbackSchema,
    responses: { 200: aProject },
    problems: [...changeProblems, 'project_not_found', 'revision_not_found'],
    handle: rollbackProject,
  }),
  route({
    method: 'GET',
    path: '/projects/{name}/traffic',
    operationId: 'getTraffic',
    summary:
      'Which revisions get its requests, now and when they have shown that they answer, and the hosts of tags',
    responses: { 200: json('The split.', trafficAnswerSchema) },
    problems: ['project_not_found'],
    handle: getTraffic,
  }),
  route({
    method: 'PUT',
    path: '/projects/{name}/traffic',
    operationId: 'putTraffic',
    summary: 'Share its requests out among revisions; each has instances of its own, and tags have hosts',
    query: verifyQuerySchema,
    body: trafficSchema,
    responses: { 200: json('The split.', trafficAnswerSchema) },
    problems: [...changeProblems, 'project_not_found'],
    handle: putTraffic,
  }),
  route({
    method: 'POST',
    path: '/projects/{name}/wake',
    operationId: 'wakeProject',
    summary: 'Start an instance unless one runs; answers when it does',
    responses: { 200: json('It is awake.', wokenProjectSchema) },
    problems: ['project_not_found', 'project_stopped', 'wake_failed', 'wake_timeout', 'runtime_unavailable'],
    handle: wakeProject,
  }),
  route({
    method: 'POST',
    path: '/projects/{name}/sleep',
    operationId: 'sleepProject',
    summary: 'Put it to sleep now, unless requests run',
    responses: { 200: aProject },
    problems: ['project_not_found', 'project_busy', 'project_kept_awake', 'proxy_unavailable'],
    handle: sleepProject,
  }),
  route({
    method: 'POST',
    path: '/projects/{name}/stop',
    operationId: 'stopProject',
    summary: 'Drain and stop it; requests get 503 until it is started again',
    responses: { 200: aProject },
    problems: ['project_not_found', 'proxy_unavailable'],
    handle: stopProject,
  }),
  route({
    method: 'POST',
    path: '/projects/{name}/start',
    operationId: 'startProject',
    summary: 'Let it run again; the next request wakes it',
    responses: { 200: aProject },
    problems: ['project_not_found', 'proxy_unavailable'],
    handle: startProject,
  }),
  route({
    method: 'GET',
    path: '/projects/{name}/logs',
    operationId: 'getLogs',
    summary: "The instances' stdout and stderr; as events with `Accept: text/event-stream`",
    query: logsQuerySchema,
    responses: {
      200: {
        description: 'Lines of text, or one LogLine per event.',
        content: { 'text/plain': z.string(), 'text/event-stream': logLineSchema },
      },
    },
    problems: [
      'project_not_found',
      'revision_not_found',
      'validation_failed',
      'runtime_unavailable',
      'too_many_streams',
    ],
    handle: getLogs,
  }),
  route({
    method: 'GET',
    path: '/projects/{name}/events',
    operationId: 'getEvents',
    summary:
      'What happened to it, newest first; with `follow` as server-sent events (resumes by Last-Event-ID)',
    query: eventsQuerySchema,
    responses: {
      200: {
        description: 'The events.',
        content: { 'application/json': eventListSchema, 'text/event-stream': z.string() },
      },
    },
    problems: ['project_not_found', 'validation_failed', 'too_many_streams'],
    handle: getEvents,
  }),
  route({
    method: 'GET',
    path: '/registries',
    operationId: 'listRegistries',
    summary: 'The image registries that Luma logs in to, by host; without their secrets',
    responses: { 200: json('The registries.', registryListSchema) },
    problems: [],
    handle: listRegistries,
  }),
  route({
    method: 'GET',
    path: '/registries/{host}',
    operationId: 'getRegistry',
    summary: 'Who Luma is at one registry; without the secret',
    responses: { 200: json('The registry.', registrySchema) },
    problems: ['registry_not_found'],
    handle: getRegistry,
  }),
  route({
    method: 'PUT',
    path: '/registries/{host}',
    operationId: 'putRegistry',
    summary:
      'Log in to a registry from now on, if it takes the credentials; kept encrypted, used by the next pull',
    query: loginQuerySchema,
    body: putRegistrySchema,
    responses: { 200: json('The registry.', registrySchema) },
    problems: [
      ...bodyProblems,
      'registry_login_denied',
      'registry_unreachable',
      'runtime_unavailable',
      ...storeProblems,
    ],
    handle: putRegistry,
  }),
  route({
    method: 'DELETE',
    path: '/registries/{host}',
    operationId: 'deleteRegistry',
    summary: 'Forget the credentials for a registry',
    responses: { 204: { description: 'They are forgotten.' } },
    problems: ['registry_not_found', ...storeProblems],
    handle: deleteRegistry,
  }),
  route({
    method: 'POST',
    path: '/secrets/rotate-key',
    operationId: 'rotateKey',
    summary: 'Encrypt every secret with a new key; all or nothing',
    responses: { 200: json('The old key opens nothing any more.', keyRotationSchema) },
    problems: [...storeProblems, 'store_unreadable', 'key_file_unwritable'],
    handle: rotateKey,
  }),
  route({
    method: 'GET',
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'Whether Luma, its proxy and its runtime work',
    responses: {
      200: json(
        '`degraded` when the proxy or the runtime cannot be reached, or the store cannot be written.',
        healthSchema,
      ),
    },
    problems: [],
    handle: async ({ deps }) => Response.json(await deps.control.health()),
  }),
];
