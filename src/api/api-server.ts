/** The API as a listening server: trust first, then the harmlessness of the path, then the app. */
import type { Clock } from '../base/clock.ts';
import { LumaError, messageOf } from '../base/errors.ts';
import { formatAuthority } from '../base/host-name.ts';
import { isLoopbackAddress } from '../base/ip-range.ts';
import type { Log } from '../base/log.ts';
import type { ControlPlaneDoor } from '../control/contract.ts';
import { type App, createApp } from './app.ts';
import { type Exchange, HttpServer } from './http-server.ts';
import { STOP_PATIENCE_MS } from './limits.ts';
import { problemResponse } from './problem.ts';
import type { UrlOf } from './project-json.ts';
import { StreamRegistry } from './streams/stream-registry.ts';
import { BrowserGuard } from './trust/browser-guard.ts';
import { PeerGuard } from './trust/peer-guard.ts';
import { Turns } from './turns.ts';

export interface ApiServerOptions {
  readonly control: ControlPlaneDoor;
  readonly clock: Clock;
  readonly log: Log;
  /** A loopback address or `localhost`. */
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  readonly version: string;
  /** Where a hostname answers, for the `url` of projects. */
  readonly urlOf?: UrlOf;
}

export interface ApiServer {
  readonly port: number;
  /** No new requests; those under way get their answers, followed streams end. */
  stop(): Promise<void>;
}

export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { control, clock, log, hostname, urlOf = () => null } = options;
  refuseBeyondLoopback(hostname);
  const streams = new StreamRegistry();
  const app = createApp({ control, clock, log, urlOf, streams, turns: new Turns() }, options.version);
  const peerGuard = new PeerGuard({ log });
  let gate: Gate | undefined;
  const server = new HttpServer(async (exchange) => {
    gate ??= { app, log, peerGuard, browserGuard: new BrowserGuard(exchange.own.port) };
    return answer(exchange, gate);
  });
  const port = await listen(server, hostname, options.port);
  return { port, stop: () => stopAll(server, streams, clock) };
}

interface Gate {
  readonly app: App;
  readonly log: Log;
  readonly peerGuard: PeerGuard;
  readonly browserGuard: BrowserGuard;
}

async function answer(exchange: Exchange, { app, log, peerGuard, browserGuard }: Gate): Promise<Response> {
  try {
    browserGuard.check(exchange.headers);
    await peerGuard.check(exchange.peer, exchange.own, exchange.connection);
    refuseTricks(exchange.target);
    return await app(exchange.toRequest());
  } catch (error) {
    return problemResponse(error, log);
  }
}

/** Names are plain, those of registries with a port: no path of the API needs an escape, so whatever has one means something else. */
function refuseTricks(target: string): void {
  const [path = ''] = target.split('?', 1);
  const isPlain = /^(?:\/[A-Za-z0-9._~:[\]-]+)+$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path);
  if (isPlain) return;
  throw new LumaError('not_found', `there is nothing at ${JSON.stringify(path.slice(0, 200))}`, {
    hint: 'GET /openapi.json lists every path.',
    fields: [{ field: 'path', message: 'must be one of the API, without escapes, empty or dot segments' }],
  });
}

function refuseBeyondLoopback(hostname: string): void {
  if (hostname === 'localhost' || isLoopbackAddress(hostname)) return;
  throw new LumaError(
    'api_not_loopback',
    `the API cannot listen on ${hostname}: anybody who reaches it could use it`,
    {
      hint: 'Leave --api-host at 127.0.0.1 and reach it through an SSH tunnel.',
      fields: [
        { field: '--api-host', message: 'must be a loopback address such as 127.0.0.1', value: hostname },
      ],
    },
  );
}

async function listen(server: HttpServer, hostname: string, port: number): Promise<number> {
  try {
    return await server.listen(hostname, port);
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const place = formatAuthority(hostname, port);
    throw new LumaError(
      isTaken ? 'port_in_use' : 'cannot_listen',
      isTaken
        ? `another program listens on ${place}`
        : `the API cannot listen on ${place}: ${messageOf(cause)}`,
      {
        hint: 'End the other program, or choose another port with --api-port.',
        cause,
        fields: [{ field: '--api-port', message: isTaken ? 'is in use' : 'cannot be used', value: port }],
      },
    );
  }
}

async function stopAll(server: HttpServer, streams: StreamRegistry, clock: Clock): Promise<void> {
  streams.stop();
  const impatience = clock.after(STOP_PATIENCE_MS, () => server.abort());
  await server.stop();
  impatience.cancel();
}
