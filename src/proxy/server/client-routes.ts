/** The verbs of client commands: which method and path asks what, and what its body may say. */
import type { z } from 'zod';
import type { FieldProblem } from '../../base/errors.ts';
import { LumaError } from '../../base/errors.ts';
import {
  deploySchema,
  optionsSchema,
  pauseSchema,
  removeSchema,
  resumeSchema,
  rolloutDeploySchema,
  rolloutSetSchema,
  rolloutStopSchema,
  stopSchema,
} from '../client/command-schema.ts';
import type { ClientCommands } from '../deploys/client-commands.ts';
import { serviceNameSchema } from '../services/service-schema.ts';

export interface CommandRequest {
  readonly query: URLSearchParams;
  /** Its JSON, `{}` where there is none. Rejects with `command_invalid`. */
  readonly body: <T>(schema: z.ZodType<T>) => Promise<T>;
  /** The client went away. */
  readonly signal: AbortSignal;
}

export interface ClientRoute {
  readonly method: string;
  readonly path: RegExp;
  readonly run: (client: ClientCommands, parts: readonly string[], request: CommandRequest) => unknown;
}

/** Of a wrong value that is said again. */
const VALUE_CHARACTERS_MAX = 200;

const SERVICE = '/v1/services/([^/]+)';

export const clientRoutes: readonly ClientRoute[] = [
  {
    method: 'PUT',
    path: new RegExp(`^${SERVICE}$`),
    run: async (client, [name = ''], { body, signal }) =>
      client.deploy(serviceName(name), await body(deploySchema), signal),
  },
  {
    method: 'DELETE',
    path: new RegExp(`^${SERVICE}$`),
    run: async (client, [name = ''], { body, query }) => {
      const { drain_timeout_ms: drainTimeoutMs } = await body(removeSchema);
      const host = query.get('host');
      return host === null ? client.remove(name, drainTimeoutMs) : client.removeHost(name, host);
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^${SERVICE}/pause$`),
    run: async (client, [name = ''], { body }) => client.pause(name, await body(pauseSchema)),
  },
  {
    method: 'POST',
    path: new RegExp(`^${SERVICE}/resume$`),
    run: async (client, [name = ''], { body }) => {
      await body(resumeSchema);
      return client.resume(name);
    },
  },
  {
    method: 'POST',
    path: new RegExp(`^${SERVICE}/stop$`),
    run: async (client, [name = ''], { body }) => client.stop(name, await body(stopSchema)),
  },
  {
    method: 'PUT',
    path: new RegExp(`^${SERVICE}/rollout$`),
    run: async (client, [name = ''], { body, signal }) =>
      client.deployRollout(name, await body(rolloutDeploySchema), signal),
  },
  {
    method: 'PATCH',
    path: new RegExp(`^${SERVICE}/rollout$`),
    run: async (client, [name = ''], { body }) => client.setRollout(name, await body(rolloutSetSchema)),
  },
  {
    method: 'DELETE',
    path: new RegExp(`^${SERVICE}/rollout$`),
    run: async (client, [name = ''], { body }) =>
      client.stopRollout(name, (await body(rolloutStopSchema)).drain_timeout_ms),
  },
  { method: 'GET', path: /^\/v1\/options$/, run: (client) => client.optionsStatus() },
  {
    method: 'PUT',
    path: /^\/v1\/options$/,
    run: async (client, _parts, { body }) => client.setOptions(await body(optionsSchema)),
  },
];

export function commandRequest(request: Request): CommandRequest {
  return {
    query: new URL(request.url).searchParams,
    signal: request.signal,
    body: async (schema) => {
      const said = parseJson(await request.text());
      const parsed = schema.safeParse(said);
      if (parsed.success) return parsed.data;
      throw invalid(
        parsed.error.issues.map(({ path, message }) => ({
          field: path.join('.'),
          message: withValue(message, valueAt(said, path)),
        })),
      );
    },
  };
}

/** What was said instead, where it is short enough to be read. */
function withValue(message: string, value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') return message;
  const text = JSON.stringify(value);
  if (text.length > VALUE_CHARACTERS_MAX || message.includes(String(value))) return message;
  return `${message}, not ${text}`;
}

function valueAt(said: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
    said,
  );
}

function serviceName(name: string): string {
  const parsed = serviceNameSchema.safeParse(name);
  if (parsed.success) return parsed.data;
  throw invalid(
    parsed.error.issues.map(({ message }) => ({ field: 'name', message: withValue(message, name) })),
  );
}

function parseJson(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw invalid([{ field: '', message: 'the body is no JSON' }]);
  }
}

function invalid(fields: readonly FieldProblem[]): LumaError {
  const [first] = fields;
  const what = fields.length === 1 && first ? described(first) : `${fields.length} fields are wrong`;
  return new LumaError('command_invalid', `luma-proxy does not understand this command: ${what}`, { fields });
}

function described({ field, message }: FieldProblem): string {
  return field === '' ? message : `${field}: ${message}`;
}
