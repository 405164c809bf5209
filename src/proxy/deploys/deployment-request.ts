/** A deploy command as the deployment it makes of what there was. Pure but for the ids of new targets. */
import { randomId } from '../../base/random-id.ts';
import type { ReadDeploy } from '../client/command-schema.ts';
import { parseTarget } from '../client/command-schema.ts';
import { PLAIN_ISSUANCE } from '../client/plain-options.ts';
import { HEALTH_CHECK_INTERVAL_MS, HEALTH_CHECK_TIMEOUT_MS } from '../limits.ts';
import type { DeployedTarget, Deployment } from '../services/deployment.ts';
import type { BroughtFiles } from './file-intake.ts';

/** What is asked for, whole; an operator's word and a rollout stay as they are. */
export function deploymentOf(
  wanted: ReadDeploy,
  { errorPages, ownCertificateId }: BroughtFiles,
  now: Deployment | null,
): Deployment {
  const { path, port, host, interval_ms: intervalMs, timeout_ms: timeoutMs } = wanted.health_check;
  return {
    hosts: [...new Set(wanted.hosts)],
    pathPrefixes: [...new Set(wanted.path_prefixes)],
    stripPathPrefix: wanted.strip_path_prefix,
    responseTimeoutMs: wanted.response_timeout_ms,
    healthCheck: {
      path,
      port,
      host,
      intervalMs: intervalMs ?? HEALTH_CHECK_INTERVAL_MS,
      timeoutMs: timeoutMs ?? HEALTH_CHECK_TIMEOUT_MS,
    },
    targets: targetsNamed(wanted.targets, now?.targets ?? []),
    traffic: now?.traffic ?? { kind: 'forward' },
    ...optionsOf(wanted, ownCertificateId),
    errorPages,
    rollout: now?.rollout ?? null,
  };
}

/** A target that stays keeps its id, and so its connections; one that comes back has a new life. */
export function targetsNamed(texts: readonly string[], known: readonly DeployedTarget[]): DeployedTarget[] {
  return [...new Set(texts.map((text) => text.toLowerCase()))].map((text) => {
    const { host, port } = parseTarget(text)!;
    const same = known.find((target) => target.host === host && target.port === port);
    return same ?? { id: `${text}~${randomId(6)}`, host, port };
  });
}

type Options = Omit<
  Deployment,
  | 'hosts'
  | 'pathPrefixes'
  | 'stripPathPrefix'
  | 'responseTimeoutMs'
  | 'healthCheck'
  | 'targets'
  | 'traffic'
  | 'errorPages'
  | 'rollout'
>;

function optionsOf(wanted: ReadDeploy, ownCertificateId: string | null): Options {
  const { tls } = wanted;
  return {
    tls: tls && { redirect: tls.redirect, hstsSeconds: tls.hsts_seconds },
    sessionAffinity: wanted.session_affinity,
    issuance: tls
      ? { staging: tls.staging, onDemandUrl: tls.on_demand_url, ownCertificateId }
      : PLAIN_ISSUANCE,
    forwardHeaders: wanted.forward_headers,
    canonicalHost: wanted.canonical_host,
    clientIpHeader: wanted.client_ip_header,
    maxRequestBodyBytes: wanted.max_request_body_bytes,
    bufferRequests: wanted.buffer_requests,
    bufferResponses: wanted.buffer_responses,
    targetProtocol: wanted.target_protocol,
    excludeMetricsPaths: [...new Set(wanted.exclude_metrics_paths)],
  };
}
