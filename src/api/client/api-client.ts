/** The typed client over `fetch`. Owns nothing but the address. */
import { type Clock, delay } from '../../base/clock.ts';
import { isLumaError, LumaError, messageOf } from '../../base/errors.ts';
import { registryHost } from '../../domain/registry.ts';
import { ApiError, cutOff, notLuma, unreachable } from './api-error.ts';
import type {
  Abortable,
  ApiClient,
  CreateProjectInput,
  DeployOptions,
  EventsOptions,
  HealthJson,
  KeyRotationJson,
  LoginOptions,
  LogLineJson,
  LogsOptions,
  ProblemJson,
  ProjectEventJson,
  ProjectJson,
  ProjectSettingsInput,
  RegistryCredentialsInput,
  RegistryJson,
  ReplaceOptions,
  RevisionJson,
  RollbackInput,
  TrafficInput,
  TrafficJson,
  WokenProjectJson,
} from './contract.ts';
import { readEventStream, type ServerSentEvent } from './event-stream.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Between two attempts to resume a stream of events. */
const RESUME_DELAY_MS = 1_000;

interface Call extends Abortable {
  readonly method?: string;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export class HttpApiClient implements ApiClient {
  readonly #baseUrl: string;
  readonly #fetch: Fetch;
  readonly #clock: Clock;

  constructor(baseUrl: string, fetch: Fetch, clock: Clock) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#fetch = fetch;
    this.#clock = clock;
  }

  async listProjects(options: Abortable = {}): Promise<ProjectJson[]> {
    return (await this.#json<{ projects: ProjectJson[] }>('/projects', options)).projects;
  }

  getProject(name: string, options: Abortable = {}): Promise<ProjectJson> {
    return this.#json(projectPath(name), options);
  }

  createProject(project: CreateProjectInput, options: Abortable = {}): Promise<ProjectJson> {
    return this.#json('/projects', { ...options, method: 'POST', body: project });
  }

  patchProject(
    name: string,
    changes: ProjectSettingsInput,
    { verify, noTraffic, tag, ...options }: ReplaceOptions = {},
  ): Promise<ProjectJson> {
    const query = { verify, no_traffic: noTraffic, tag };
    return this.#json(projectPath(name), { ...options, query, method: 'PATCH', body: changes });
  }

  putProject(
    name: string,
    settings: ProjectSettingsInput,
    { verify, noTraffic, tag, ...options }: ReplaceOptions = {},
  ): Promise<ProjectJson> {
    const query = { verify, no_traffic: noTraffic, tag };
    return this.#json(projectPath(name), { ...options, query, method: 'PUT', body: settings });
  }

  async revisions(name: string, options: Abortable = {}): Promise<RevisionJson[]> {
    const path = projectPath(name, 'revisions');
    return (await this.#json<{ revisions: RevisionJson[] }>(path, options)).revisions;
  }

  traffic(name: string, options: Abortable = {}): Promise<TrafficJson> {
    return this.#json(projectPath(name, 'traffic'), options);
  }

  putTraffic(
    name: string,
    input: TrafficInput,
    { verify, ...options }: DeployOptions = {},
  ): Promise<TrafficJson> {
    const path = projectPath(name, 'traffic');
    return this.#json(path, { ...options, query: { verify }, method: 'PUT', body: input });
  }

  rollback(name: string, input: RollbackInput = {}, options: Abortable = {}): Promise<ProjectJson> {
    return this.#json(projectPath(name, 'rollback'), { ...options, method: 'POST', body: input });
  }

  async deleteProject(name: string, options: Abortable = {}): Promise<void> {
    await this.#send(projectPath(name), { ...options, method: 'DELETE' });
  }

  wake(name: string, options: Abortable = {}): Promise<WokenProjectJson> {
    return this.#json(projectPath(name, 'wake'), { ...options, method: 'POST' });
  }

  sleep(name: string, options: Abortable = {}): Promise<ProjectJson> {
    return this.#json(projectPath(name, 'sleep'), { ...options, method: 'POST' });
  }

  stop(name: string, options: Abortable = {}): Promise<ProjectJson> {
    return this.#json(projectPath(name, 'stop'), { ...options, method: 'POST' });
  }

  start(name: string, options: Abortable = {}): Promise<ProjectJson> {
    return this.#json(projectPath(name, 'start'), { ...options, method: 'POST' });
  }

  async *logs(name: string, options: LogsOptions = {}): AsyncGenerator<LogLineJson> {
    const { signal, follow, tail, since, revision } = options;
    const call = { ...abortable(signal), query: { follow, tail, since, revision } };
    for await (const { data } of this.#stream(projectPath(name, 'logs'), call)) {
      yield JSON.parse(data) as LogLineJson;
    }
  }

  async events(name: string, options: EventsOptions = {}): Promise<ProjectEventJson[]> {
    const { signal, limit, after } = options;
    const call = { ...abortable(signal), query: { limit, after } };
    return (await this.#json<{ events: ProjectEventJson[] }>(projectPath(name, 'events'), call)).events;
  }

  async *followEvents(
    name: string,
    { signal, after }: Omit<EventsOptions, 'limit'> = {},
  ): AsyncGenerator<ProjectEventJson> {
    let lastId = after === undefined ? '' : String(after);
    for (let isFirst = true; !signal?.aborted; isFirst = false) {
      const headers = lastId === '' ? {} : { 'Last-Event-ID': lastId };
      const call = { ...abortable(signal), headers, query: { follow: true } };
      try {
        for await (const { event, data, id } of this.#stream(projectPath(name, 'events'), call)) {
          // `following` comes first and says where to resume, should the connection break before any event.
          lastId = id;
          if (event === 'message') yield JSON.parse(data) as ProjectEventJson;
        }
      } catch (error) {
        if (isFirst || !isLumaError(error, 'api_unreachable')) throw error;
      }
      if (!signal?.aborted) await this.#pause(signal);
    }
  }

  async registries(options: Abortable = {}): Promise<RegistryJson[]> {
    return (await this.#json<{ registries: RegistryJson[] }>('/registries', options)).registries;
  }

  async putRegistry(
    host: string,
    credentials: RegistryCredentialsInput,
    { verify, ...options }: LoginOptions = {},
  ): Promise<RegistryJson> {
    const call = { ...options, method: 'PUT', body: credentials, query: { verify } };
    return this.#json(registryPath(host), call);
  }

  async removeRegistry(host: string, options: Abortable = {}): Promise<void> {
    await this.#send(registryPath(host), { ...options, method: 'DELETE' });
  }

  rotateKey(options: Abortable = {}): Promise<KeyRotationJson> {
    return this.#json('/secrets/rotate-key', { ...options, method: 'POST' });
  }

  health(options: Abortable = {}): Promise<HealthJson> {
    return this.#json('/healthz', options);
  }

  /** Ends quietly when the signal aborts. */
  async *#stream(path: string, call: Call): AsyncGenerator<ServerSentEvent> {
    const stopped = new AbortController();
    const signal = call.signal ? AbortSignal.any([call.signal, stopped.signal]) : stopped.signal;
    const headers = { ...call.headers, Accept: 'text/event-stream' };
    try {
      const response = await this.#send(path, { ...call, headers, signal });
      if (!response.headers.get('Content-Type')?.startsWith('text/event-stream') || !response.body) {
        throw notLuma(this.#baseUrl, response.status, 'it did not answer with an event stream');
      }
      for await (const event of readEventStream(response.body)) {
        if (event.event === 'problem') throw new ApiError(JSON.parse(event.data) as ProblemJson);
        yield event;
      }
    } catch (error) {
      if (call.signal?.aborted) return;
      throw isLumaError(error) ? error : cutOff(this.#baseUrl, error);
    } finally {
      // Leaving the loop early must end the request too.
      stopped.abort();
    }
  }

  async #json<T>(path: string, call: Call): Promise<T> {
    const response = await this.#send(path, call);
    const text = await this.#textOf(response, call.signal);
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value as T;
    } catch (error) {
      throw notLuma(this.#baseUrl, response.status, messageOf(error));
    }
    throw notLuma(this.#baseUrl, response.status, 'its answer is no JSON object');
  }

  /** Resolves with a 2xx answer; everything else is thrown. */
  async #send(path: string, call: Call): Promise<Response> {
    const response = await this.#fetch(`${this.#baseUrl}${path}${queryOf(call)}`, initOf(call)).catch(
      (error: unknown) => {
        if (call.signal?.aborted) throw call.signal.reason;
        throw unreachable(this.#baseUrl, error);
      },
    );
    if (response.ok) return response;
    const text = await this.#textOf(response, call.signal);
    const problem = readProblem(text);
    if (problem) throw new ApiError(problem);
    throw notLuma(this.#baseUrl, response.status, `it answered ${response.status}`);
  }

  async #textOf(response: Response, signal: AbortSignal | undefined): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw signal?.aborted ? signal.reason : cutOff(this.#baseUrl, error);
    }
  }

  async #pause(signal: AbortSignal | undefined): Promise<void> {
    await delay(this.#clock, RESUME_DELAY_MS, signal).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  }
}

function projectPath(name: string, verb?: string): string {
  return `/projects/${encodeURIComponent(name)}${verb ? `/${verb}` : ''}`;
}

/** What one types for `docker login` may be a URL. */
function registryPath(host: string): string {
  const normal = registryHost(host);
  if (normal !== null) return `/registries/${normal}`;
  throw new LumaError('usage', `${JSON.stringify(host)} is no registry`, {
    hint: 'write it as in an image reference: ghcr.io, localhost:5000; docker.io is Docker Hub',
  });
}

function abortable(signal: AbortSignal | undefined): Abortable {
  return signal ? { signal } : {};
}

function queryOf({ query = {} }: Call): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(key, String(value));
  }
  return parameters.size > 0 ? `?${parameters}` : '';
}

function initOf({ method = 'GET', body, headers, signal }: Call): RequestInit {
  const init = {
    method,
    headers: { Accept: 'application/json', ...headers } as Record<string, string>,
    redirect: 'manual' as const,
    // Bun's own: a wake or a quiet stream may take longer than its default patience.
    timeout: false,
    ...(signal ? { signal } : {}),
  };
  if (body === undefined) return init;
  init.headers['Content-Type'] = 'application/json';
  return { ...init, body: JSON.stringify(body) };
}

function readProblem(text: string): ProblemJson | null {
  try {
    const value = JSON.parse(text) as Partial<ProblemJson> | null;
    const isProblem = typeof value?.code === 'string' && typeof value.detail === 'string';
    return isProblem ? (value as ProblemJson) : null;
  } catch (error) {
    // What is not JSON is simply not ours; the caller says so.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
