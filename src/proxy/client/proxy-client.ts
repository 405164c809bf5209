/** The typed client of the management socket, for the command line and for `luma up`. It owns no state. */
import { z } from 'zod';
import { LumaError } from '../../base/errors.ts';
import { COMMAND_TIMEOUT_MS, RESTART_TIMEOUT_MS } from '../limits.ts';
import { wireErrorSchema } from '../link/messages.ts';
import { fromWireError } from '../link/wire-error.ts';
import { checkSocketTrust, unreachable } from './socket-trust.ts';
import type { ProxyHealth, ProxyStatus, ServiceStatus } from './status-schema.ts';
import { proxyHealthSchema, proxyStatusSchema, serviceStatusSchema } from './status-schema.ts';

export interface ProxyClientOptions {
  readonly socketPath: string;
}

/** Every call rejects with `proxy_unreachable` or `socket_not_trusted`, or with what the daemon refused it for. */
export interface ProxyClient {
  health(signal?: AbortSignal): Promise<ProxyHealth>;
  status(signal?: AbortSignal): Promise<ProxyStatus>;
  listServices(signal?: AbortSignal): Promise<readonly ServiceStatus[]>;
  /** Rejects with `service_not_found`. */
  getService(name: string, signal?: AbortSignal): Promise<ServiceStatus>;
  /** One after the other, without losing a connection; resolves when new ones serve in their places. */
  restartWorkers(signal?: AbortSignal): Promise<void>;
  /** For the next daemon on the same state directory; resolves with the workers that will come to it. */
  handOver(signal?: AbortSignal): Promise<{ readonly pids: readonly number[] }>;
}

export function createProxyClient(options: ProxyClientOptions): ProxyClient {
  const { socketPath } = options;
  return {
    health: (signal) => ask(socketPath, 'GET /v1/health', proxyHealthSchema, signal),
    status: (signal) => ask(socketPath, 'GET /v1/status', proxyStatusSchema, signal),
    listServices: (signal) => ask(socketPath, 'GET /v1/services', serviceStatusSchema.array(), signal),
    getService: (name, signal) =>
      ask(socketPath, `GET /v1/services/${encodeURIComponent(name)}`, serviceStatusSchema, signal),
    handOver: (signal) =>
      ask(socketPath, 'POST /v1/hand-over', z.object({ pids: z.array(z.number()) }), signal),
    async restartWorkers(signal) {
      await ask(socketPath, 'POST /v1/workers/restart', z.object({}), signal, RESTART_TIMEOUT_MS);
    },
  };
}

async function ask<T>(
  socketPath: string,
  verb: string,
  schema: z.ZodType<T>,
  signal: AbortSignal | undefined,
  timeoutMs = COMMAND_TIMEOUT_MS,
): Promise<T> {
  await checkSocketTrust(socketPath);
  const [method = 'GET', path = '/'] = verb.split(' ');
  const deadline = AbortSignal.timeout(timeoutMs);
  const until = signal ? AbortSignal.any([signal, deadline]) : deadline;
  const request = { method, unix: socketPath, signal: until };
  const response = await fetch(`http://luma-proxy${path}`, request).catch((error) => {
    throw signal?.aborted ? signal.reason : unreachable(socketPath, error);
  });
  const body: unknown = await response.json().catch((error) => {
    throw nonsense(socketPath, error);
  });
  if (!response.ok) throw refusal(socketPath, body);
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw nonsense(socketPath, parsed.error);
  return parsed.data;
}

function refusal(socketPath: string, body: unknown): LumaError {
  const parsed = wireErrorSchema.safeParse(body);
  return parsed.success ? fromWireError(parsed.data) : nonsense(socketPath, parsed.error);
}

function nonsense(socketPath: string, cause: unknown): LumaError {
  return new LumaError(
    'proxy_unreachable',
    `what answers on ${socketPath} is no luma-proxy of this version`,
    {
      hint: 'stop it and start luma-proxy run of this version, or name another socket with --socket-path',
      cause,
    },
  );
}
