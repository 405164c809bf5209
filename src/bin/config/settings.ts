/**
 * Every setting of the platform, once: flags, environment variables, luma.config.yml, help texts and the README's
 * table are made from this. `http_port` is `--http-port`, LUMA_HTTP_PORT, `http_port:` and `httpPort`.
 */
import { join } from 'node:path';
import {
  duration,
  email,
  hostToListenOn,
  httpsUrl,
  ipRanges,
  logFile,
  loopbackHost,
  oneOf,
  onOrOff,
  optional,
  path,
  portNumber,
  type SettingKind,
  wholeNumber,
} from './setting-kind.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** Which command has it: `up` runs the proxy too, `server` finds it running. */
export type SettingUser = 'up' | 'server';

export interface Setting<T> {
  readonly kind: SettingKind<T>;
  readonly summary: string;
  readonly users: readonly SettingUser[];
  readonly initial: (surroundings: Surroundings) => T;
  /** The default in words where it depends on the surroundings. */
  readonly initialText?: string;
}

const both = ['up', 'server'] as const;
const upOnly = ['up'] as const;

export const settings = {
  http_host: setting(hostToListenOn(), '127.0.0.1', upOnly, 'address the proxy listens on'),
  http_port: setting(portNumber(), 8080, upOnly, 'port the proxy listens on'),
  https_port: {
    kind: optional(portNumber()),
    summary: 'port the proxy listens on for HTTPS, for projects with `ssl`',
    users: upOnly as readonly SettingUser[],
    initial: () => null,
    initialText: 'none',
  } satisfies Setting<number | null>,
  api_host: setting(loopbackHost(), '127.0.0.1', both, 'address the API listens on'),
  api_port: setting(portNumber(), 8081, both, 'port the API listens on'),
  data_dir: {
    kind: path('dir'),
    summary: 'folder of the database, the proxy’s state and instances’ output',
    users: both,
    initial: defaultDataDir,
    initialText: '~/.local/share/luma',
  } satisfies Setting<string>,
  key_file: {
    kind: optional(path('file')),
    summary: 'key that passwords and the values of `env_vars` are encrypted with; made at the first start',
    users: both,
    initial: () => null,
    initialText: '<data-dir>/luma.key',
  } satisfies Setting<string | null>,
  runtime: setting(
    oneOf(['auto', 'docker', 'process']),
    'auto',
    both,
    'what runs the instances; auto: Docker if an engine answers or a project has an image, otherwise local processes',
  ),
  max_sandboxes: setting(
    wholeNumber('count', 1, 1_000),
    200,
    both,
    'Docker: sleeping projects that keep a network of their own, which makes their wakes fast; each costs a few MB',
  ),
  shutdown_timeout: setting(
    duration(0, 60 * 60_000),
    30_000,
    both,
    'how long requests in flight may take to finish when Luma stops',
  ),
  proxy_socket: {
    kind: optional(path('path')),
    summary: 'management socket of a luma-proxy that runs already and is left running',
    users: both,
    initial: () => null,
    initialText: '<data-dir>/proxy.sock',
  } satisfies Setting<string | null>,
  trusted_proxies: {
    kind: ipRanges(),
    summary: 'addresses of proxies in front whose word about clients is believed',
    users: upOnly as readonly SettingUser[],
    initial: () => [],
    initialText: 'none',
  } satisfies Setting<readonly string[]>,
  proxy_protocol: setting(
    onOrOff(),
    false,
    upOnly,
    'accept only connections of trusted proxies that begin with a PROXY header',
  ),
  max_connections_per_ip: setting(
    wholeNumber('count', 0, 1_000_000),
    0,
    upOnly,
    'open connections of one client address (IPv6: one /64) to each worker; 0: no limit',
  ),
  workers: setting(
    wholeNumber('count', 0, 256),
    1,
    upOnly,
    'worker processes of the proxy; 0: it serves requests itself',
  ),
  metrics_port: {
    kind: optional(portNumber()),
    summary: 'port on 127.0.0.1 where the proxy tells its metrics (/metrics, for Prometheus)',
    users: upOnly as readonly SettingUser[],
    initial: () => null,
    initialText: 'none',
  } satisfies Setting<number | null>,
  lets_encrypt_email: {
    kind: optional(email()),
    summary: 'whom the CA may write to about certificates',
    users: upOnly as readonly SettingUser[],
    initial: () => null,
    initialText: 'nobody',
  } satisfies Setting<string | null>,
  acme_directory: {
    kind: optional(httpsUrl()),
    summary: 'the CA that certificates are ordered from',
    users: upOnly as readonly SettingUser[],
    initial: () => null,
    initialText: 'Let’s Encrypt',
  } satisfies Setting<string | null>,
  acme_ca_file: {
    kind: optional(path('pem')),
    summary: 'what signs the CA’s own certificate',
    users: upOnly as readonly SettingUser[],
    initial: () => null,
    initialText: 'what the system trusts',
  } satisfies Setting<string | null>,
  access_log: {
    ...setting<string | null>(
      optional(logFile()),
      null,
      upOnly,
      'file to which the proxy appends one JSON line for each request',
    ),
    initialText: 'none',
  },
  log_format: setting(oneOf(['text', 'json']), 'text', both, 'how log lines are written to stderr'),
  debug: setting(onOrOff(), false, both, 'also log details'),
};

export type SettingKey = keyof typeof settings;

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;
type SettingValue<S> = S extends Setting<infer T> ? T : never;

/** What a program runs with: every setting with its value. */
export type LumaConfig = {
  readonly [K in SettingKey as CamelCase<K>]: SettingValue<(typeof settings)[K]>;
};

export const settingKeys = Object.keys(settings) as readonly SettingKey[];

export function isSettingKey(text: string): text is SettingKey {
  return Object.hasOwn(settings, text);
}

export function flagOf(key: SettingKey): string {
  return `--${key.replaceAll('_', '-')}`;
}

export function variableOf(key: SettingKey): string {
  return `LUMA_${key.toUpperCase()}`;
}

export function propertyOf(key: SettingKey): keyof LumaConfig {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) as keyof LumaConfig;
}

/** The default as help and the README show it. */
export function initialTextOf(key: SettingKey): string {
  const { kind, initial, initialText }: Setting<never> = settings[key] as unknown as Setting<never>;
  return initialText ?? kind.format(initial({ env: {}, home: '~' }));
}

function setting<T>(
  kind: SettingKind<T>,
  initial: NoInfer<T>,
  users: readonly SettingUser[],
  summary: string,
): Setting<T> {
  return { kind, summary, users, initial: () => initial };
}

/** The XDG Base Directory Specification: a relative XDG_DATA_HOME is ignored. */
function defaultDataDir({ env, home }: Surroundings): string {
  const xdg = env['XDG_DATA_HOME'];
  return xdg?.startsWith('/') ? join(xdg, 'luma') : join(home, '.local', 'share', 'luma');
}
