/** From flags and a JSON file to the API's input. Rules about values are the API's; here is only their form. */
import type { CreateProjectInput, ProjectSettingsInput } from '../../api/client/index.ts';
import { messageOf } from '../../base/errors.ts';
import type { OptionSpec } from '../command.ts';
import { type CommandInput, wrongUse } from '../command-input.ts';
import { keepingOptions, readKeeping } from './keeping-input.ts';
import { probeOptions, readProbes } from './probe-input.ts';
import { splitShellWords } from './shell-words.ts';

export const projectOptions: readonly OptionSpec[] = [
  { name: 'image', placeholder: 'image', summary: 'container image to run' },
  {
    name: 'command',
    placeholder: 'words',
    summary:
      'what to run: words as in a shell, or a JSON list; alone on the process runtime, arguments of an image',
  },
  {
    name: 'entrypoint',
    placeholder: 'words',
    summary: 'replaces the image’s entrypoint; written like --command',
  },
  { name: 'working-dir', placeholder: 'dir', summary: 'where the command runs' },
  { name: 'hostname', placeholder: 'host', isRepeatable: true, summary: 'where it answers; repeatable' },
  { name: 'port', placeholder: 'port', summary: 'the port the app listens on' },
  { name: 'env', placeholder: 'KEY=VALUE', isRepeatable: true, summary: 'environment variable; repeatable' },
  { name: 'idle-timeout', placeholder: 'duration', summary: 'sleep after so much quiet, or never' },
  { name: 'wake-timeout', placeholder: 'duration', summary: 'how long a request waits for a wake' },
  {
    name: 'wait-mode',
    placeholder: 'hold|page|reject',
    summary: 'what a request meets during a wake: it waits, a browser sees a page, or 503 at once',
  },
  {
    name: 'min-instances',
    placeholder: 'count',
    summary: 'so many are always there; with one it never sleeps',
  },
  { name: 'max-instances', placeholder: 'count', summary: 'at most so many, however great the load' },
  { name: 'concurrency', placeholder: 'count', summary: 'requests that one instance gets at once' },
  {
    name: 'target-utilization',
    placeholder: 'share',
    summary: 'the part of --concurrency that an instance should have on average',
  },
  {
    name: 'freeze-after',
    placeholder: 'duration',
    summary: 'suspend it after so much quiet, or never; not with min-instances of 1 or more',
  },
  { name: 'session-affinity', summary: 'clients come back to the instance that they had first' },
  ...keepingOptions,
  { name: 'stop-timeout', placeholder: 'duration', summary: 'from the stop signal to the kill' },
  {
    name: 'ssl',
    isNegatable: true,
    summary: 'answer by HTTPS with certificates that the proxy gets itself; --no-ssl ends it',
  },
  {
    name: 'ssl-redirect',
    isNegatable: true,
    summary: 'with --ssl: redirect HTTP; --no-ssl-redirect serves both',
  },
  {
    name: 'response-timeout',
    placeholder: 'duration',
    summary: 'from a request to the head of its answer, or never',
  },
  {
    name: 'forward-headers',
    isNegatable: true,
    summary: 'append to the X-Forwarded-* of clients instead of replacing them',
  },
  {
    name: 'sticky-traffic',
    isNegatable: true,
    summary: 'clients come back to the revision that served them first',
  },
  { name: 'path-prefix', placeholder: 'path', summary: 'answer only paths that begin so' },
  { name: 'health-check-path', placeholder: 'path', summary: 'ready means a 2xx answer here' },
  { name: 'health-check-timeout', placeholder: 'duration', summary: 'how long one check may take' },
  ...probeOptions,
  {
    name: 'file',
    short: 'f',
    placeholder: 'file',
    summary: 'read the project from a JSON file; - is stdin; flags win',
  },
];

export async function readProject(
  input: CommandInput,
  readText: (path: string) => Promise<string>,
): Promise<CreateProjectInput> {
  const path = input.text('file');
  const fromFile = path === undefined ? {} : parseFile(path, await readFile(path, readText));
  const name = input.optionalArg('name') ?? fromFile['name'];
  if (typeof name !== 'string')
    throw wrongUse('the project needs a name', 'luma projects add <name>, or "name" in the file');
  return { ...fromFile, ...readFlags(input), name };
}

/** Only what was given. */
export async function readChanges(
  input: CommandInput,
  readText: (path: string) => Promise<string>,
): Promise<ProjectSettingsInput> {
  const path = input.text('file');
  const fromFile = path === undefined ? {} : parseFile(path, await readFile(path, readText));
  const changes = { ...fromFile, ...readFlags(input) };
  if (Object.keys(changes).length > 0) return changes;
  throw wrongUse('nothing was given to change', 'luma deploy <name> --image <image>, for example');
}

async function readFile(path: string, readText: (path: string) => Promise<string>): Promise<string> {
  try {
    return await readText(path);
  } catch (error) {
    throw wrongUse(`${path} cannot be read: ${messageOf(error)}`);
  }
}

function parseFile(path: string, text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw wrongUse(`${path} must hold one JSON object`, 'the same object that POST /projects takes');
}

function readFlags(input: CommandInput): ProjectSettingsInput {
  const hostnames = input.list('hostname');
  const env = input.list('env');
  const checkPath = input.text('health-check-path');
  const checkTimeout = input.text('health-check-timeout');
  return definedOnly({
    docker_image: input.text('image'),
    command: readWords(input, 'command'),
    entrypoint: readWords(input, 'entrypoint'),
    working_dir: input.text('working-dir'),
    hostnames: hostnames.length > 0 ? hostnames : undefined,
    container_port: input.count('port'),
    env_vars: env.length > 0 ? Object.fromEntries(env.map(readPair)) : undefined,
    idle_timeout: input.text('idle-timeout'),
    wake_timeout: input.text('wake-timeout'),
    wait_mode: readWaitMode(input.text('wait-mode')),
    min_instances: input.count('min-instances'),
    max_instances: input.count('max-instances'),
    concurrency: input.count('concurrency'),
    target_utilization: input.share('target-utilization'),
    freeze_after: input.text('freeze-after'),
    session_affinity: input.isOn('session-affinity') ? true : undefined,
    stop_timeout: input.text('stop-timeout'),
    ssl: input.choice('ssl'),
    ssl_redirect: input.choice('ssl-redirect'),
    response_timeout: input.text('response-timeout'),
    forward_headers: input.choice('forward-headers'),
    path_prefix: input.text('path-prefix'),
    sticky_traffic: input.choice('sticky-traffic'),
    health_check: readHealthCheck(checkPath, checkTimeout),
    ...readKeeping(input),
    probes: readProbes(input),
  });
}

function readWaitMode(text: string | undefined): ProjectSettingsInput['wait_mode'] | undefined {
  if (text === undefined || text === 'hold' || text === 'page' || text === 'reject') return text;
  throw wrongUse(`--wait-mode must be hold, page or reject, not ${JSON.stringify(text)}`);
}

function readHealthCheck(
  path: string | undefined,
  timeout: string | undefined,
): ProjectSettingsInput['health_check'] {
  if (path === undefined && timeout !== undefined)
    throw wrongUse('--health-check-timeout needs --health-check-path');
  return path === undefined ? undefined : definedOnly({ path, timeout });
}

function readPair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw wrongUse(`--env ${JSON.stringify(text)} is not KEY=VALUE`);
}

function readWords(input: CommandInput, option: string): readonly string[] | undefined {
  const text = input.text(option);
  if (text === undefined) return undefined;
  const words = text.trimStart().startsWith('[') ? parseJson(text) : splitShellWords(text);
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  throw wrongUse(
    `--${option} ${JSON.stringify(text)} is neither words with closed quotes nor a JSON list of strings`,
  );
}

/** Undefined where it is no JSON: no JSON text means that. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
};

function definedOnly<T extends object>(record: T): Defined<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;
}
