/** Everything `luma-proxy run` can be told, with its defaults. */
import type { OptionSpec } from '../command.ts';
import type { CommandInput } from '../command-input.ts';
import { wrongUse } from '../command-input.ts';
import type { AcmeRunSettings } from './acme-options.ts';
import { acmeOptions, readAcmeSettings } from './acme-options.ts';
import type { PathSurroundings } from './default-paths.ts';
import { defaultSocketPath, defaultStateDir } from './default-paths.ts';
import { SettingsInput, variableOf } from './settings-input.ts';

export interface RunSettings {
  /** Empty: every address of the machine. */
  readonly httpHosts: readonly string[];
  readonly httpPort: number;
  /** Null: no HTTPS. */
  readonly httpsPort: number | null;
  /** Null: a handshake for no known host is refused. */
  readonly defaultCertificate: { readonly certificatePath: string; readonly privateKeyPath: string } | null;
  readonly socketPath: string;
  readonly stateDir: string;
  readonly workers: number;
  readonly shutdownTimeoutMs: number;
  readonly trustedProxies: readonly string[];
  readonly usesProxyProtocol: boolean;
  /** 0: no limit. */
  readonly connectionsPerIpMax: number;
  readonly logFormat: 'text' | 'json';
  /** A path, or `-` for stdout; null: none. */
  readonly accessLog: string | null;
  readonly metricsPort: number | null;
  readonly acme: AcmeRunSettings;
  readonly isDebug: boolean;
}

export interface RunSurroundings extends PathSurroundings {
  readonly cpuCount: number;
}

const WORKERS_MAX = 256;
const CONNECTIONS_PER_IP_MAX = 1_000_000;
const SHUTDOWN_TIMEOUT_MS = 30_000;

export const runOptions: readonly OptionSpec[] = [
  {
    name: 'http-host',
    placeholder: 'address',
    isRepeatable: true,
    summary: summary('http-host', 'address to listen on, repeatable', 'every address'),
  },
  {
    name: 'http-port',
    placeholder: 'port',
    summary: summary('http-port', 'port for HTTP', '80 for root, otherwise 8080'),
  },
  {
    name: 'https-port',
    placeholder: 'port|none',
    summary: summary('https-port', 'port for HTTPS', '443 for root, otherwise 8443'),
  },
  {
    name: 'tls-default-certificate-path',
    placeholder: 'file',
    summary: summary(
      'tls-default-certificate-path',
      'PEM, shown where no other certificate is for the host',
      'none',
    ),
  },
  {
    name: 'tls-default-private-key-path',
    placeholder: 'file',
    summary: summary('tls-default-private-key-path', 'its private key, PEM', 'none'),
  },
  {
    name: 'socket-path',
    placeholder: 'path',
    summary: summary('socket-path', 'management socket', '/run/luma-proxy/management.sock for root'),
  },
  {
    name: 'state-dir',
    placeholder: 'dir',
    summary: summary('state-dir', 'where services are kept', '/etc/luma-proxy for root'),
  },
  {
    name: 'workers',
    placeholder: 'n',
    summary: summary(
      'workers',
      'worker processes; 0 serves from the daemon itself',
      'the number of processors',
    ),
  },
  {
    name: 'shutdown-timeout',
    placeholder: 'duration',
    summary: summary('shutdown-timeout', 'how long running requests may take at the end', '30s'),
  },
  {
    name: 'trusted-proxies',
    placeholder: 'range,…',
    isRepeatable: true,
    summary: summary('trusted-proxies', 'addresses of proxies whose word about clients is believed', 'none'),
  },
  {
    name: 'proxy-protocol',
    summary: summary('proxy-protocol', 'accept only connections that begin with a PROXY header', 'off'),
  },
  {
    name: 'max-connections-per-ip',
    placeholder: 'n',
    summary: summary(
      'max-connections-per-ip',
      'open connections of one client address (IPv6: one /64) to each worker; 0 is no limit',
      '0',
    ),
  },
  {
    name: 'log-format',
    placeholder: 'text|json',
    summary: summary('log-format', 'one line for people or one JSON object', 'text'),
  },
  {
    name: 'access-log',
    placeholder: 'file|-',
    summary: summary('access-log', 'one JSON line for each exchange, to a file or to stdout', 'none'),
  },
  {
    name: 'metrics-port',
    placeholder: 'port',
    summary: summary('metrics-port', 'port on 127.0.0.1 with /metrics for Prometheus', 'none'),
  },
  ...acmeOptions,
  { name: 'debug', summary: summary('debug', 'log details', 'off') },
];

export function readRunSettings(input: CommandInput, around: RunSurroundings): RunSettings {
  const settings = new SettingsInput(input, around.env);
  const ports = readPorts(settings, around);
  return {
    httpHosts: [...new Set(settings.addresses('http-host'))],
    ...ports,
    defaultCertificate: readDefaultCertificate(settings),
    socketPath: settings.text('socket-path') ?? defaultSocketPath(around),
    stateDir: settings.text('state-dir') ?? defaultStateDir(around),
    workers: settings.integer('workers', 0, WORKERS_MAX) ?? around.cpuCount,
    shutdownTimeoutMs: settings.durationMs('shutdown-timeout') ?? SHUTDOWN_TIMEOUT_MS,
    ...readClientSettings(settings),
    logFormat: readLogFormat(settings),
    accessLog: settings.text('access-log') ?? null,
    acme: readAcmeSettings(settings, around.env),
    isDebug: settings.isOn('debug'),
  };
}

type Ports = Pick<RunSettings, 'httpPort' | 'httpsPort' | 'metricsPort'>;

/** 0 is a port of the kernel's choice: any number of them differ. */
function readPorts(settings: SettingsInput, around: RunSurroundings): Ports {
  const ports = {
    httpPort: settings.integer('http-port', 0, 65_535) ?? (around.isRoot ? 80 : 8_080),
    httpsPort: readHttpsPort(settings, around),
    metricsPort: settings.integer('metrics-port', 1, 65_535) ?? null,
  };
  const named = [
    ['http-port', ports.httpPort],
    ['https-port', ports.httpsPort],
    ['metrics-port', ports.metricsPort],
  ] as const;
  for (const [name, port] of named) {
    const [other] = named.find(([known, same]) => known !== name && port !== 0 && port === same) ?? [];
    if (port !== null && other !== undefined)
      throw wrongUse(`--${name} and --${other} are both ${port}`, 'choose a port of its own for each');
  }
  return ports;
}

function readHttpsPort(settings: SettingsInput, { isRoot }: RunSurroundings): number | null {
  if (settings.text('https-port') === 'none') return null;
  return settings.integer('https-port', 0, 65_535, ', or none') ?? (isRoot ? 443 : 8_443);
}

function readDefaultCertificate(settings: SettingsInput): RunSettings['defaultCertificate'] {
  const certificatePath = settings.text('tls-default-certificate-path');
  const privateKeyPath = settings.text('tls-default-private-key-path');
  if (certificatePath === undefined && privateKeyPath === undefined) return null;
  if (certificatePath !== undefined && privateKeyPath !== undefined)
    return { certificatePath, privateKeyPath };
  const missing = certificatePath === undefined ? 'certificate' : 'private-key';
  throw wrongUse(
    `--tls-default-${missing}-path is missing`,
    'a certificate and its private key are named together',
  );
}

type ClientSettings = Pick<RunSettings, 'trustedProxies' | 'usesProxyProtocol' | 'connectionsPerIpMax'>;

function readClientSettings(settings: SettingsInput): ClientSettings {
  const trustedProxies = settings.ipRanges('trusted-proxies');
  const usesProxyProtocol = settings.isOn('proxy-protocol');
  if (usesProxyProtocol && trustedProxies.length === 0) {
    throw wrongUse(
      '--proxy-protocol needs --trusted-proxies',
      'name the load balancer that sends the PROXY headers: --trusted-proxies 10.0.0.5',
    );
  }
  const connectionsPerIpMax = settings.integer('max-connections-per-ip', 0, CONNECTIONS_PER_IP_MAX) ?? 0;
  return { trustedProxies, usesProxyProtocol, connectionsPerIpMax };
}

function readLogFormat(settings: SettingsInput): 'text' | 'json' {
  const value = settings.text('log-format') ?? 'text';
  if (value === 'text' || value === 'json') return value;
  throw wrongUse(`--log-format must be text or json, not ${JSON.stringify(value)}`);
}

function summary(name: string, what: string, byDefault: string): string {
  return `${what} (${variableOf(name)}; default: ${byDefault})`;
}
