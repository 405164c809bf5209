/** Projects and events as people read them. */
import type {
  FailureJson,
  InstanceJson,
  LivenessProbeJson,
  ProbesJson,
  ProjectEventJson,
  ProjectJson,
  QuietRuleJson,
  StartupProbeJson,
} from '../../api/client/index.ts';
import { type Cell, type Colour, formatFacts } from '../table.ts';
import { printable } from '../terminal.ts';
import { keepingFacts, keptText } from './keeping-text.ts';

type AnyProbeJson = StartupProbeJson | LivenessProbeJson;

const statusColours: Readonly<Partial<Record<ProjectJson['status'], Colour>>> = {
  running: 'green',
  starting: 'yellow',
  stopping: 'yellow',
  failed: 'red',
  idle: 'dim',
  stopped: 'dim',
  frozen: 'dim',
};

export const projectHead = ['NAME', 'STATUS', 'URL', 'RUNS', 'REVISION'] as const;

export function projectRow(project: ProjectJson): readonly (string | Cell)[] {
  return [
    project.name,
    statusCell(project),
    project.url ?? project.hostname,
    runsText(project),
    project.switch_failure ? `${project.revision} (not switched)` : String(project.revision),
  ];
}

export function projectFacts(project: ProjectJson): string {
  const { failure, switch_failure: notSwitched, health_check: check } = project;
  return formatFacts([
    ['name', project.name],
    ['status', project.status],
    ['failure', failure && failureText(failure)],
    ['not switched', notSwitched && `the revision before serves: ${failureText(notSwitched)}`],
    ['url', project.url],
    ['hostnames', project.hostnames.join(', ')],
    ['image', project.docker_image],
    ['entrypoint', listText(project.entrypoint)],
    ['command', listText(project.command)],
    ['working dir', project.working_dir],
    ['port', portText(project)],
    ['env', Object.keys(project.env_vars).join(', ') || null],
    ['health check', check && `${check.path} within ${check.timeout}`],
    ['probes', probesText(project.probes)],
    ['scales', `${project.min_instances} to ${project.max_instances}`],
    ['concurrency', `${project.concurrency}, of which ${project.target_utilization * 100} % on average`],
    ['affinity', project.session_affinity ? 'clients come back to their instance' : null],
    ['frozen after', freezeText(project)],
    ['sleeps after', project.idle_timeout],
    ['wakes within', project.wake_timeout],
    ['wait mode', project.wait_mode],
    ...keepingFacts(project),
    ['quiet rules', project.quiet_rules.map(ruleText).join('; ') || null],
    ['stops within', project.stop_timeout],
    ['answers in', project.response_timeout],
    ['https', httpsText(project)],
    ['path prefix', project.path_prefix],
    ['sticky', project.sticky_traffic ? 'clients come back to their revision' : null],
    ['forwarded', project.forward_headers ? 'headers of clients are appended to' : null],
    ['revision', String(project.revision)],
    ['traffic', trafficText(project)],
    ['instances', project.instances.map(instanceText).join('; ') || 'none'],
    ['created', project.created_at],
    ['updated', project.updated_at],
  ]);
}

export function eventLine({ at, project, kind, message }: ProjectEventJson): string {
  return `${at}  ${printable(project)}  ${kind}  ${printable(message)}\n`;
}

/** Nothing where all goes to the project's own revision. */
function trafficText({ traffic, revision }: ProjectJson): string | null {
  if (traffic.length === 1 && traffic[0]?.revision === revision && traffic[0].tag === null) return null;
  return traffic
    .map((share) => `${share.percent} % to revision ${share.revision}${share.tag ? ` (${share.tag})` : ''}`)
    .join(', ');
}

function failureText({ message, code, at }: FailureJson): string {
  return `${message} (${code}, ${at})`;
}

function statusCell(project: ProjectJson): Cell {
  const { status } = project;
  const colour = statusColours[status];
  const why = keptText(project);
  return { text: why === '' ? status : `${status} (${why})`, ...(colour ? { colour } : {}) };
}

function runsText({ docker_image: image, command }: ProjectJson): string {
  return image ?? listText(command) ?? '';
}

function freezeText({ freeze_after: quiet, min_instances: least }: ProjectJson): string | null {
  if (quiet === 'never') return null;
  return least === 0 ? quiet : `${quiet}, but not while min_instances is ${least}`;
}

function httpsText({ ssl, ssl_redirect: isRedirected }: ProjectJson): string {
  if (!ssl) return 'no';
  return isRedirected ? 'yes, and HTTP is redirected' : 'yes, beside HTTP';
}

function portText({ container_port: port, docker_image: image }: ProjectJson): string {
  if (port !== null) return String(port);
  return image === null ? 'chosen by Luma' : '8080';
}

function instanceText({ id, state, address, health_failure: failure }: InstanceJson): string {
  const illness = failure && `(${failure.code}: ${failure.message})`;
  return [id, state, address && `at ${address}`, illness].filter(Boolean).join(' ');
}

/** Nothing where none is asked. */
function probesText({ startup, liveness, readiness }: ProbesJson): string | null {
  const roles = Object.entries({ startup, liveness, readiness });
  return roles.flatMap(([role, probe]) => (probe ? `${role}: ${probeText(probe)}` : [])).join('; ') || null;
}

function probeText({ http_get: get, tcp_socket: socket, exec, period }: AnyProbeJson): string {
  const port = get?.port ?? socket?.port ?? null;
  const asked = get ? `GET ${get.path}` : socket ? 'a connection' : listText(exec?.command ?? []);
  return `${asked}${port === null ? '' : ` on port ${port}`} every ${period}`;
}

/** Words that would not survive a shell are quoted. */
function listText(words: readonly string[] | null): string | null {
  if (words === null) return null;
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

function ruleText({ path, methods, user_agent: userAgent, client }: QuietRuleJson): string {
  const parts = [methods?.join(','), path, userAgent && `agent ${JSON.stringify(userAgent)}`];
  return [...parts, client && `from ${client}`].filter(Boolean).join(' ');
}
