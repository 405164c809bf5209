/** The flags of `luma-proxy deploy`, and what they say. */
import type { DeployRequest } from '../../proxy/client/index.ts';
import type { OptionSpec } from '../command.ts';
import type { CommandInput } from '../command-input.ts';
import { wrongUse } from '../command-input.ts';
import { byteSizeOf, durationOf, pathOf } from './client-command.ts';

const placeOptions: readonly OptionSpec[] = [
  {
    name: 'host',
    placeholder: 'hostname',
    isRepeatable: true,
    summary: 'where it answers, repeatable; `*.example.com` is one level, `*` every host nobody else has',
  },
  {
    name: 'target',
    placeholder: 'ip:port',
    isRepeatable: true,
    summary: 'where the app listens, repeatable',
  },
  {
    name: 'path-prefix',
    placeholder: 'path',
    isRepeatable: true,
    summary: 'only paths under this, repeatable (default: /)',
  },
  { name: 'strip-path-prefix', summary: 'the app sees paths without the prefix' },
  {
    name: 'canonical-host',
    placeholder: 'hostname',
    summary: 'the one of its hosts that requests for the others are redirected to (308)',
  },
];

const tlsOptions: readonly OptionSpec[] = [
  { name: 'ssl', summary: 'serve its hosts over HTTPS, with certificates that Luma orders and renews' },
  {
    name: 'ssl-redirect',
    isNegatable: true,
    summary: 'redirect HTTP to HTTPS (default with --ssl; --no-ssl-redirect serves both)',
  },
  {
    name: 'hsts',
    placeholder: 'duration',
    summary: 'tell browsers to use HTTPS alone for so long, such as 365d (default: not)',
  },
  {
    name: 'tls-certificate-path',
    placeholder: 'file',
    summary:
      'its own certificate with those that signed it, PEM; copied (default: Luma orders one for each host)',
  },
  {
    name: 'tls-private-key-path',
    placeholder: 'file',
    summary: 'the private key of that certificate, PEM; copied',
  },
  { name: 'tls-staging', summary: 'certificates of the CA’s staging directory: for trying out' },
  {
    name: 'tls-on-demand-url',
    placeholder: 'url',
    summary: 'ask there (?host=…, 2xx is yes) before a certificate is ordered at a host’s first connection',
  },
];

const trafficOptions: readonly OptionSpec[] = [
  {
    name: 'response-timeout',
    placeholder: 'duration',
    summary: '504 when the app takes longer to begin its answer (default: any time)',
  },
  {
    name: 'forward-headers',
    summary: 'append to the X-Forwarded-* that the client sent, instead of replacing them',
  },
  {
    name: 'client-ip-header',
    placeholder: 'name',
    summary: 'where a trusted proxy names the client, such as CF-Connecting-IP (default: X-Forwarded-For)',
  },
  {
    name: 'max-request-body',
    placeholder: 'size',
    summary: '413 for bodies beyond, such as 10MB (default: any size)',
  },
  { name: 'session-affinity', summary: 'a client comes back to the target it had first, by cookie' },
  { name: 'buffer-requests', summary: 'send a request to the app only when its body has come whole' },
  { name: 'buffer-responses', summary: 'take answers from the app as fast as it gives them' },
  {
    name: 'target-protocol',
    placeholder: 'protocol',
    summary: 'what the app speaks: http1, or h2c for HTTP/2 in the clear, which gRPC needs (default: http1)',
  },
  {
    name: 'error-pages',
    placeholder: 'dir',
    summary: 'pages for errors of the proxy: 404.html, 503.html, 5xx.html …',
  },
  {
    name: 'exclude-metrics-path',
    placeholder: 'path',
    isRepeatable: true,
    summary: 'leave requests there out of the metrics, repeatable',
  },
];

const checkOptions: readonly OptionSpec[] = [
  {
    name: 'health-check-path',
    placeholder: 'path',
    summary: 'healthy means a 2xx answer there (default: a TCP connection is enough)',
  },
  {
    name: 'health-check-interval',
    placeholder: 'duration',
    summary: 'longest pause between two tries (default: 1s)',
  },
  { name: 'health-check-timeout', placeholder: 'duration', summary: 'for one try (default: 5s)' },
  { name: 'health-check-port', placeholder: 'port', summary: 'check there (default: the target’s port)' },
  {
    name: 'health-check-host',
    placeholder: 'hostname',
    summary: 'Host of the check (default: the target’s address)',
  },
];

/** Of every command that brings targets. */
export const switchOptions: readonly OptionSpec[] = [
  {
    name: 'deploy-timeout',
    placeholder: 'duration',
    summary: 'how long the new targets may take to become healthy (default: 30s)',
  },
  {
    name: 'drain-timeout',
    placeholder: 'duration',
    summary: 'how long requests at the old targets may go on before they are cut (default: 30s)',
  },
  { name: 'force', summary: 'switch without a health check' },
];

export const deployOptions: readonly OptionSpec[] = [
  ...placeOptions,
  ...tlsOptions,
  ...trafficOptions,
  ...checkOptions,
  ...switchOptions,
];

export function readDeploy(input: CommandInput): DeployRequest {
  const prefixes = [...input.list('path-prefix')];
  return {
    hosts: hostsOf(input),
    targets: targetsIn(input),
    ...(prefixes.length === 0 ? {} : { path_prefixes: prefixes }),
    strip_path_prefix: input.isOn('strip-path-prefix'),
    canonical_host: input.text('canonical-host') ?? null,
    tls: readTls(input),
    response_timeout_ms: durationOf(input, 'response-timeout') ?? 0,
    session_affinity: input.isOn('session-affinity'),
    forward_headers: input.isOn('forward-headers'),
    client_ip_header: input.text('client-ip-header') ?? null,
    max_request_body_bytes: byteSizeOf(input, 'max-request-body') ?? 0,
    buffer_requests: input.isOn('buffer-requests'),
    buffer_responses: input.isOn('buffer-responses'),
    target_protocol: targetProtocolOf(input),
    error_pages: pathOf(input, 'error-pages') ?? null,
    exclude_metrics_paths: [...input.list('exclude-metrics-path')],
    health_check: {
      path: input.text('health-check-path') ?? null,
      interval_ms: durationOf(input, 'health-check-interval'),
      timeout_ms: durationOf(input, 'health-check-timeout'),
      port: input.count('health-check-port') ?? null,
      host: input.text('health-check-host') ?? null,
    },
    ...readSwitch(input),
  };
}

export function readSwitch(input: CommandInput) {
  return {
    deploy_timeout_ms: durationOf(input, 'deploy-timeout'),
    drain_timeout_ms: durationOf(input, 'drain-timeout'),
    force: input.isOn('force'),
  };
}

export function targetsIn(input: CommandInput): string[] {
  const targets = [...input.list('target')];
  if (targets.length > 0) return targets;
  throw wrongUse('--target is missing', 'name where the app listens: --target 10.0.0.5:3000');
}

function hostsOf(input: CommandInput): string[] {
  const hosts = [...input.list('host')];
  if (hosts.length > 0) return hosts;
  throw wrongUse('--host is missing', 'name the hosts of the service, or --host "*" for every host');
}

type OwnCertificate = NonNullable<DeployRequest['tls']>['own_certificate'];

function ownCertificate(
  certificatePath: string | undefined,
  privateKeyPath: string | undefined,
): OwnCertificate {
  if (certificatePath === undefined && privateKeyPath === undefined) return null;
  if (certificatePath !== undefined && privateKeyPath !== undefined)
    return { certificate_path: certificatePath, private_key_path: privateKeyPath };
  const missing = certificatePath === undefined ? 'tls-certificate-path' : 'tls-private-key-path';
  throw wrongUse(`--${missing} is missing`, 'a certificate and its private key are named together');
}

function readTls(input: CommandInput): DeployRequest['tls'] {
  const hstsMs = durationOf(input, 'hsts');
  const redirect = input.choice('ssl-redirect');
  const url = input.text('tls-on-demand-url');
  const staging = input.isOn('tls-staging');
  const certificatePath = pathOf(input, 'tls-certificate-path');
  const privateKeyPath = pathOf(input, 'tls-private-key-path');
  if (input.isOn('ssl')) {
    return {
      redirect: redirect ?? true,
      hsts_seconds: Math.ceil((hstsMs ?? 0) / 1_000),
      staging,
      on_demand_url: url ?? null,
      own_certificate: ownCertificate(certificatePath, privateKeyPath),
    };
  }
  const given = {
    'ssl-redirect': redirect,
    hsts: hstsMs,
    'tls-on-demand-url': url,
    'tls-certificate-path': certificatePath,
    'tls-private-key-path': privateKeyPath,
    'tls-staging': staging || undefined,
  };
  const lonely = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (lonely !== undefined) throw wrongUse(`--${lonely} has no meaning without --ssl`, 'add --ssl');
  return null;
}

function targetProtocolOf(input: CommandInput): 'http1' | 'h2c' {
  const text = input.text('target-protocol') ?? 'http1';
  if (text === 'http1' || text === 'h2c') return text;
  throw wrongUse(`--target-protocol must be http1 or h2c, not ${JSON.stringify(text)}`);
}
