/** The typed client of the management socket, for the command line and for `luma up`. It owns no state. */
import { z } from 'zod';
import { COMMAND_GRACE_MS, RESTART_TIMEOUT_MS } from '../limits.ts';
import type { CertificateStatus } from './certificate-schema.ts';
import { certificateStatusSchema } from './certificate-schema.ts';
import type {
  Deployed,
  DeployRequest,
  OptionsRequest,
  OptionsStatus,
  PauseRequest,
  Removed,
  RemoveRequest,
  RolloutDeployRequest,
  RolloutSetRequest,
  RolloutStopRequest,
  StopRequest,
} from './command-schema.ts';
import { deployedSchema, optionsStatusSchema, removedSchema } from './command-schema.ts';
import type { ManagementRequest } from './management-request.ts';
import { ask, askUntilTaken } from './management-request.ts';
import type { ProxyHealth, ProxyStatus, ServiceStatus } from './status-schema.ts';
import { proxyHealthSchema, proxyStatusSchema, serviceStatusSchema } from './status-schema.ts';

export interface ProxyClientOptions {
  readonly socketPath: string;
  /** Whether a daemon that hands over is asked again until the next one answers. Default: yes. */
  readonly isPatient?: boolean;
}

/**
 * Every call rejects with `proxy_unreachable` or `socket_not_trusted`, or with what the daemon refused it for.
 */
export interface ProxyClient {
  health(signal?: AbortSignal): Promise<ProxyHealth>;
  status(signal?: AbortSignal): Promise<ProxyStatus>;
  listServices(signal?: AbortSignal): Promise<readonly ServiceStatus[]>;
  /** Rejects with `service_not_found`. */
  getService(name: string, signal?: AbortSignal): Promise<ServiceStatus>;
  /**
   * The service, whole. Resolves when its targets are well, every worker sends to them, it is on disk and the former
   * ones are quiet. Rejects with `target_unhealthy`, `host_taken`, `service_taken`, `target_is_luma`, `command_invalid`.
   */
  deploy(name: string, wanted: DeployRequest, signal?: AbortSignal): Promise<Deployed>;
  /** Rejects with `service_not_found`, `service_taken`. */
  remove(name: string, wanted?: RemoveRequest, signal?: AbortSignal): Promise<Removed>;
  /** One of its hosts. Rejects with `host_not_found`, `last_host`. */
  removeHost(name: string, host: string, signal?: AbortSignal): Promise<Removed>;
  /** New requests are held; resolves when none runs, or after the drain timeout with those that still do. */
  pause(name: string, wanted?: PauseRequest, signal?: AbortSignal): Promise<ServiceStatus>;
  /** Ends a pause or a stop. */
  resume(name: string, signal?: AbortSignal): Promise<ServiceStatus>;
  /** 503 to everyone, held requests too; resolves as `pause` does. */
  stop(name: string, wanted?: StopRequest, signal?: AbortSignal): Promise<ServiceStatus>;
  /** Beside the service's own targets, for a share of its users; resolves and rejects as `deploy`. */
  deployRollout(name: string, wanted: RolloutDeployRequest, signal?: AbortSignal): Promise<Deployed>;
  /** Rejects with `rollout_not_found`. */
  setRollout(name: string, wanted: RolloutSetRequest, signal?: AbortSignal): Promise<ServiceStatus>;
  /** Rejects with `rollout_not_found`. */
  stopRollout(name: string, wanted?: RolloutStopRequest, signal?: AbortSignal): Promise<Deployed>;
  options(signal?: AbortSignal): Promise<OptionsStatus>;
  setOptions(wanted: OptionsRequest, signal?: AbortSignal): Promise<OptionsStatus>;
  certificates(signal?: AbortSignal): Promise<readonly CertificateStatus[]>;
  /** Orders it again now. Rejects with `certificate_not_found`. */
  renewCertificate(host: string, signal?: AbortSignal): Promise<CertificateStatus>;
  /** One after the other, without losing a connection; resolves when new ones serve in their places. */
  restartWorkers(signal?: AbortSignal): Promise<void>;
  /** For the next daemon on the same state directory; resolves with the workers that will come to it. */
  handOver(signal?: AbortSignal): Promise<{ readonly pids: readonly number[] }>;
}

/** A time that the command does not name may be any that was set as an option. */
const UNNAMED_MS = 24 * 60 * 60 * 1_000;

export function createProxyClient({ socketPath, isPatient = true }: ProxyClientOptions): ProxyClient {
  const get = <T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> =>
    (isPatient ? askUntilTaken : ask)(socketPath, { method: 'GET', path, schema, signal });
  const change = <T>(request: ManagementRequest<T>): Promise<T> => askUntilTaken(socketPath, request);
  const direct = (
    name: string,
    verb: string,
    body: { readonly drain_timeout_ms?: number | undefined },
    signal?: AbortSignal,
  ): Promise<ServiceStatus> => {
    const path = `${pathOf(name)}/${verb}`;
    const timeoutMs = (body.drain_timeout_ms ?? UNNAMED_MS) + COMMAND_GRACE_MS;
    return change({ method: 'POST', path, schema: serviceStatusSchema, body, timeoutMs, signal });
  };
  return {
    health: (signal) => get('/v1/health', proxyHealthSchema, signal),
    status: (signal) => get('/v1/status', proxyStatusSchema, signal),
    listServices: (signal) => get('/v1/services', serviceStatusSchema.array(), signal),
    getService: (name, signal) => get(pathOf(name), serviceStatusSchema, signal),
    deploy: (name, body, signal) =>
      change({ method: 'PUT', path: pathOf(name), schema: deployedSchema, ...deployWith(body), signal }),
    deployRollout: (name, body, signal) =>
      change({ method: 'PUT', path: rolloutOf(name), schema: deployedSchema, ...deployWith(body), signal }),
    setRollout: (name, body, signal) =>
      change({ method: 'PATCH', path: rolloutOf(name), schema: serviceStatusSchema, body, signal }),
    stopRollout: (name, body = {}, signal) => {
      const timeoutMs = (body.drain_timeout_ms ?? UNNAMED_MS) + COMMAND_GRACE_MS;
      const path = rolloutOf(name);
      return change({ method: 'DELETE', path, schema: deployedSchema, body, timeoutMs, signal });
    },
    remove: (name, body = {}, signal) => {
      const timeoutMs = (body.drain_timeout_ms ?? UNNAMED_MS) + COMMAND_GRACE_MS;
      return change({ method: 'DELETE', path: pathOf(name), schema: removedSchema, body, timeoutMs, signal });
    },
    removeHost: (name, host, signal) => {
      const path = `${pathOf(name)}?host=${encodeURIComponent(host)}`;
      return change({ method: 'DELETE', path, schema: removedSchema, timeoutMs: COMMAND_GRACE_MS, signal });
    },
    pause: (name, body = {}, signal) => direct(name, 'pause', body, signal),
    resume: (name, signal) => direct(name, 'resume', {}, signal),
    stop: (name, body = {}, signal) => direct(name, 'stop', body, signal),
    options: (signal) => get('/v1/options', optionsStatusSchema, signal),
    setOptions: (body, signal) =>
      change({ method: 'PUT', path: '/v1/options', schema: optionsStatusSchema, body, signal }),
    certificates: (signal) => get('/v1/certificates', certificateStatusSchema.array(), signal),
    renewCertificate: (host, signal) => {
      const path = `/v1/certificates/${encodeURIComponent(host)}/renew`;
      return change({ method: 'POST', path, schema: certificateStatusSchema, signal });
    },
    handOver: (signal) =>
      ask(socketPath, {
        method: 'POST',
        path: '/v1/hand-over',
        schema: z.object({ pids: z.array(z.number()) }),
        signal,
      }),
    async restartWorkers(signal) {
      await change({
        method: 'POST',
        path: '/v1/workers/restart',
        schema: z.object({}),
        timeoutMs: RESTART_TIMEOUT_MS,
        signal,
      });
    },
  };
}

/** What a deploy says, and how long it may take with what it says. */
function deployWith<
  Body extends { deploy_timeout_ms?: number | undefined; drain_timeout_ms?: number | undefined },
>(body: Body): { body: Body; timeoutMs: number } {
  const { deploy_timeout_ms: deploy = UNNAMED_MS, drain_timeout_ms: drain = UNNAMED_MS } = body;
  return { body, timeoutMs: deploy + drain + COMMAND_GRACE_MS };
}

function rolloutOf(service: string): string {
  return `${pathOf(service)}/rollout`;
}

function pathOf(service: string): string {
  return `/v1/services/${encodeURIComponent(service)}`;
}
