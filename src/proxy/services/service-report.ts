/** Services as the management socket shows them. Reads the registry and the board; owns nothing. */

import type { Board } from '../../edge/board/index.ts';
import type { ServiceStatus } from '../client/status-schema.ts';
import { gateReport } from '../gates/index.ts';
import { addressText } from '../workers/listening-socket.ts';
import type { Deployment } from './deployment.ts';
import type { Registry } from './registry.ts';
import type { ServiceEntry } from './service-entry.ts';

export function statusOfService(
  entry: ServiceEntry,
  registry: Registry,
  board: Board,
  nowMs: number,
): ServiceStatus {
  const { spec } = entry;
  const { inFlight, held, ends } = registry.runner.activity(entry);
  return {
    name: spec.name,
    owner: entry.owner,
    hosts: [...spec.hosts],
    path_prefixes: [...spec.pathPrefixes],
    traffic: entry.deployment?.traffic.kind ?? spec.traffic,
    gate: gateReport(entry.gate),
    in_flight: inFlight,
    held,
    ends,
    targets: [...currentTargets(entry, board, nowMs), ...departedTargets(entry, registry)],
    deployment: entry.deployment && deploymentStatus(entry.deployment),
  };
}

function deploymentStatus(deployment: Deployment): ServiceStatus['deployment'] {
  const { healthCheck, traffic, rollout } = deployment;
  return {
    strip_path_prefix: deployment.stripPathPrefix,
    response_timeout_ms: deployment.responseTimeoutMs,
    health_check: {
      path: healthCheck.path,
      interval_ms: healthCheck.intervalMs,
      timeout_ms: healthCheck.timeoutMs,
      port: healthCheck.port,
      host: healthCheck.host,
    },
    max_pause_ms: traffic.kind === 'paused' ? traffic.maxPauseMs : null,
    stop_message: traffic.kind === 'stopped' ? traffic.message : null,
    ...optionsStatus(deployment),
    rollout: rollout && {
      targets: rollout.targets.map(({ host, port }) => addressText({ hostname: host, port })),
      percent: rollout.percent,
      list: [...rollout.keys],
      cookie: rollout.cookie,
    },
  };
}

function optionsStatus({ tls, issuance, ...options }: Deployment) {
  return {
    tls: tls && {
      redirect: tls.redirect,
      hsts_seconds: tls.hstsSeconds,
      staging: issuance.staging,
      on_demand_url: issuance.onDemandUrl,
      own_certificate: issuance.ownCertificateId,
    },
    session_affinity: options.sessionAffinity,
    forward_headers: options.forwardHeaders,
    canonical_host: options.canonicalHost,
    error_pages: options.errorPages,
    client_ip_header: options.clientIpHeader,
    max_request_body_bytes: options.maxRequestBodyBytes,
    buffer_requests: options.bufferRequests,
    buffer_responses: options.bufferResponses,
    target_protocol: options.targetProtocol,
    exclude_metrics_paths: [...options.excludeMetricsPaths],
  };
}

function currentTargets(entry: ServiceEntry, board: Board, nowMs: number): ServiceStatus['targets'] {
  return entry.gate.targets.map(({ id, state }) => {
    const { spec, row } = entry.targets.get(id)!;
    const address = addressText({ hostname: spec.host, port: spec.port });
    return { id, address, state, in_flight: board.totals(row, nowMs).inFlight };
  });
}

function departedTargets(entry: ServiceEntry, registry: Registry): ServiceStatus['targets'] {
  return registry.drains.of(entry.spec.name).map((target) => ({
    id: target.targetId,
    address: addressText({ hostname: target.host, port: target.port }),
    state: 'draining' as const,
    in_flight: registry.drains.inFlight(target),
  }));
}
