/**
 * The management socket: HTTP/1.1 with JSON for commands, a WebSocket at /v1/link for control planes.
 * Owns the listening socket; it translates and asks, the daemon decides.
 */
import type { Server, ServerWebSocket } from 'bun';
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { EXPOSITION_TYPE } from '../../telemetry/index.ts';
import type { CertificateStatus } from '../client/certificate-schema.ts';
import type { ProxyHealth, ProxyStatus, ServiceStatus } from '../client/status-schema.ts';
import type { ClientCommands } from '../deploys/client-commands.ts';
import {
  COMMAND_BYTES_MAX,
  LINK_BACKLOG_BYTES_MAX,
  LINK_MESSAGE_BYTES_MAX,
  SUCCESSOR_GRACE_MS,
  SUCCESSOR_PERIOD_MS,
  SUCCESSOR_TIMEOUT_MS,
} from '../limits.ts';
import type { LinkPipe, LinkServer, LinkSession } from '../link/link-server.ts';
import type { CommandRequest } from './client-routes.ts';
import { clientRoutes, commandRequest } from './client-routes.ts';
import type { PlacedSocket } from './management-socket.ts';
import { placeSocket } from './management-socket.ts';
import { problemResponse } from './problem.ts';

/** What commands ask of the daemon. Every refusal is a LumaError. */
export interface Commands {
  /** Those of people, which change something. */
  readonly client: ClientCommands;
  health(): ProxyHealth;
  status(): ProxyStatus;
  /** As Prometheus reads it. */
  metrics(): string;
  listServices(): readonly ServiceStatus[];
  /** Throws `service_not_found`. */
  getService(name: string): ServiceStatus;
  certificates(): readonly CertificateStatus[];
  /** Orders it again now. Throws `certificate_not_found`. */
  renewCertificate(host: string): CertificateStatus;
  /** Resolves when every worker is a new one. */
  restartWorkers(): Promise<void>;
  /** Lets the next daemon have everything; resolves with the processes that will come to it. */
  handOver(): Promise<{ pids: readonly number[] }>;
}

const CLOSE_PERIOD_MS = 1;

interface LinkData {
  session: LinkSession | null;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly run: (commands: Commands, parts: readonly string[], request: CommandRequest) => unknown;
}

const ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/v1\/health$/, run: (commands) => commands.health() },
  { method: 'GET', path: /^\/v1\/status$/, run: (commands) => commands.status() },
  {
    method: 'GET',
    path: /^\/v1\/metrics$/,
    run: (commands) => new Response(commands.metrics(), { headers: { 'Content-Type': EXPOSITION_TYPE } }),
  },
  { method: 'GET', path: /^\/v1\/services$/, run: (commands) => commands.listServices() },
  {
    method: 'GET',
    path: /^\/v1\/services\/([^/]+)$/,
    run: (commands, [name = '']) => commands.getService(name),
  },
  { method: 'GET', path: /^\/v1\/certificates$/, run: (commands) => commands.certificates() },
  {
    method: 'POST',
    path: /^\/v1\/certificates\/([^/]+)\/renew$/,
    run: (commands, [host = '']) => commands.renewCertificate(host),
  },
  {
    method: 'POST',
    path: /^\/v1\/workers\/restart$/,
    run: async (commands) => {
      await commands.restartWorkers();
      return {};
    },
  },
  { method: 'POST', path: /^\/v1\/hand-over$/, run: (commands) => commands.handOver() },
  ...clientRoutes.map(
    ({ method, path, run }): Route => ({
      method,
      path,
      run: (commands, parts, request) => run(commands.client, parts, request),
    }),
  ),
];

export class CommandServer {
  readonly #commands: Commands;
  readonly #links: LinkServer;
  readonly #log: Log;
  #socket: PlacedSocket<Server<LinkData>> | undefined;
  #refusal: LumaError | undefined;

  constructor(commands: Commands, links: LinkServer, log: Log) {
    this.#commands = commands;
    this.#links = links;
    this.#log = log;
  }

  /** `path` may be taken (checkSocketPlace). */
  listen(path: string): void {
    this.#socket = placeSocket(path, (unix) =>
      Bun.serve<LinkData>({
        unix,
        maxRequestBodySize: COMMAND_BYTES_MAX,
        fetch: (request, server) => this.#handle(request, server),
        websocket: {
          maxPayloadLength: LINK_MESSAGE_BYTES_MAX,
          backpressureLimit: LINK_BACKLOG_BYTES_MAX,
          closeOnBackpressureLimit: true,
          // A control plane that is suspended for a while is not gone; one that is dead closes its socket.
          idleTimeout: 0,
          open: (socket) => this.#openLink(socket),
          message: (socket, message) => socket.data.session?.receive(String(message)),
          close: (socket) => socket.data.session?.close(),
        },
      }),
    );
  }

  /** From now on everything is refused; resolves when what was under way is answered. */
  async refuse(reason: LumaError, clock: Clock): Promise<void> {
    this.#refusal = reason;
    const server = this.#socket?.server;
    while (server && server.pendingRequests > 0) await delay(clock, CLOSE_PERIOD_MS);
  }

  /** Refuses until the next daemon has the path, or for as long as that may take, then closes. */
  async leave(clock: Clock): Promise<void> {
    const deadlineMs = clock.monotonic() + SUCCESSOR_TIMEOUT_MS;
    while (this.#socket?.isInPlace() && clock.monotonic() < deadlineMs)
      await delay(clock, SUCCESSOR_PERIOD_MS);
    await delay(clock, SUCCESSOR_GRACE_MS);
    await this.close(clock);
  }

  /** Takes no more connections; commands under way are answered, then what is kept alive is closed. */
  async close(clock: Clock): Promise<void> {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    socket.remove();
    const { server } = socket;
    // Its promise would wait for every client to close what it keeps alive.
    void server.stop(false);
    while (server.pendingRequests > 0) await delay(clock, CLOSE_PERIOD_MS);
    await server.stop(true);
  }

  async #handle(request: Request, server: Server<LinkData>): Promise<Response | undefined> {
    const { pathname } = new URL(request.url);
    try {
      if (this.#refusal) throw this.#refusal;
      if (pathname === '/v1/link') return upgrade(request, server);
      // A command takes as long as its own timeouts say.
      server.timeout(request, 0);
      const result = await this.#run(request, pathname);
      return result instanceof Response ? result : Response.json(result);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  #run(request: Request, pathname: string): unknown {
    const { method } = request;
    const matching = ROUTES.filter((route) => route.path.test(pathname));
    if (matching.length === 0) throw new LumaError('not_found', `luma-proxy has no ${pathname}`);
    const route = matching.find((candidate) => candidate.method === method);
    if (!route) throw new LumaError('method_not_allowed', `${pathname} does not take ${method}`);
    const parts = route.path.exec(pathname)?.slice(1) ?? [];
    return route.run(this.#commands, parts.map(decoded), commandRequest(request));
  }

  #refuse(error: unknown): Response {
    if (!isLumaError(error)) this.#log.error('a command failed', { error });
    return problemResponse(error);
  }

  #openLink(socket: ServerWebSocket<LinkData>): void {
    const pipe: LinkPipe = {
      send: (text) => void socket.send(text),
      close: () => socket.close(),
    };
    socket.data.session = this.#links.accept(pipe);
    if (!socket.data.session) socket.close();
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new LumaError('not_found', `${part} is no name`, { cause });
  }
}

function upgrade(request: Request, server: Server<LinkData>): undefined {
  if (server.upgrade(request, { data: { session: null } })) return undefined;
  throw new LumaError('not_found', '/v1/link is a WebSocket');
}
