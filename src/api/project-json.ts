/** From the control plane's views to what the API answers. */
import { formatDuration } from '../base/duration.ts';
import type { ControlPlaneDoor, InstanceView, ProjectView, RevisionView } from '../control/contract.ts';
import type { Project } from '../domain/project.ts';
import type { ProjectEvent } from '../domain/project-event.ts';
import type { StartFailure } from '../domain/project-status.ts';
import { toKeepingJson, toKeepJson } from './keeping-settings.ts';
import { toProbesJson } from './probe-settings.ts';
import { toQuietRuleJson } from './quiet-rule-json.ts';
import { toRouteJson } from './route-json.ts';
import { toScalingJson } from './scaling-settings.ts';
import type {
  FailureJson,
  InstanceJson,
  LogLineJson,
  ProjectEventJson,
  ProjectJson,
  RevisionJson,
  TrafficJson,
} from './schemas/responses.ts';
import { shareJson, trafficJson } from './traffic-json.ts';

/** A line of a log as the control plane's door hands it out. */
export type LogLine =
  Awaited<ReturnType<ControlPlaneDoor['logs']>> extends AsyncIterable<infer Line> ? Line : never;

/** Where a hostname answers; null when that cannot be said. */
export type UrlOf = (hostname: string, isSecure: boolean) => string | null;

export function toProjectJson(view: ProjectView, urlOf: UrlOf): ProjectJson {
  return { ...toStoredJson(view.project), ...toLiveJson(view, urlOf) };
}

/** What is stored of a project, as text: a list of thousands is mostly made of it, and it changes only with the project. */
const storedTexts = new WeakMap<Project, string>();

/** The text of `toProjectJson`. */
export function toProjectText(view: ProjectView, urlOf: UrlOf): string {
  const { project } = view;
  let stored = storedTexts.get(project);
  if (stored === undefined) {
    stored = JSON.stringify(toStoredJson(project)).slice(0, -1);
    storedTexts.set(project, stored);
  }
  return `${stored},${JSON.stringify(toLiveJson(view, urlOf)).slice(1)}`;
}

type StoredJson = Omit<ProjectJson, keyof LiveJson>;

/** A function of the project alone. */
function toStoredJson(project: Project): StoredJson {
  const { settings } = project;
  const [hostname = ''] = settings.hostnames;
  const { idleTimeoutMs, healthCheck } = settings;
  return {
    name: settings.name,
    docker_image: settings.image,
    env_vars: settings.envVars,
    container_port: settings.containerPort,
    hostname,
    hostnames: [...settings.hostnames],
    command: settings.command && [...settings.command],
    entrypoint: settings.entrypoint && [...settings.entrypoint],
    working_dir: settings.workingDir,
    idle_timeout: idleTimeoutMs === null ? 'never' : formatDuration(idleTimeoutMs),
    wake_timeout: formatDuration(settings.wakeTimeoutMs),
    wait_mode: settings.waitMode,
    quiet_rules: settings.quietRules.map(toQuietRuleJson),
    ...toRouteJson(settings),
    ...toScalingJson(settings.scaling),
    ...toKeepingJson(settings.keeping),
    stop_timeout: formatDuration(settings.stopTimeoutMs),
    health_check: healthCheck && { path: healthCheck.path, timeout: formatDuration(healthCheck.timeoutMs) },
    probes: toProbesJson(settings.probes),
    revision: project.revision,
    created_at: toInstant(project.createdAt),
    updated_at: toInstant(project.updatedAt),
  };
}

type LiveJson = Pick<
  ProjectJson,
  'status' | 'failure' | 'switch_failure' | 'traffic' | 'kept_awake' | 'waits_for' | 'instances' | 'url'
>;

function toLiveJson(view: ProjectView, urlOf: UrlOf): LiveJson {
  const { project, status, switchFailure, traffic, instances, keeps, waitsFor } = view;
  const { hostnames, ssl } = project.settings;
  const [hostname = ''] = hostnames;
  return {
    status: status.name,
    failure: status.failure && toFailureJson(status.failure),
    switch_failure: switchFailure && toFailureJson(switchFailure),
    traffic: traffic.map((share) => shareJson(share, view.project.settings.ssl, urlOf, toFailureJson)),
    kept_awake: keeps.map(toKeepJson),
    waits_for: [...waitsFor],
    instances: instances.map(toInstanceJson),
    url: hostname.startsWith('*') ? null : urlOf(hostname, ssl),
  };
}

export function toTrafficJson(view: ProjectView, urlOf: UrlOf): TrafficJson {
  return trafficJson(view, urlOf, toFailureJson);
}

export function toRevisionJson({ revision, percent, tags }: RevisionView): RevisionJson {
  const { number, settings, pinnedImage, createdAt } = revision;
  return {
    revision: number,
    docker_image: settings.image,
    pinned_image: pinnedImage,
    command: settings.command && [...settings.command],
    entrypoint: settings.entrypoint && [...settings.entrypoint],
    working_dir: settings.workingDir,
    env_names: Object.keys(settings.envVars).sort(),
    container_port: settings.containerPort,
    percent,
    tags: [...tags],
    created_at: toInstant(createdAt),
  };
}

export function toEventJson(event: ProjectEvent): ProjectEventJson {
  return { ...event, at: toInstant(event.at), details: { ...event.details } };
}

export function toLogLineJson(line: LogLine): LogLineJson {
  const { stream, text, instanceId, revision } = line;
  return { at: toInstant(line.at), stream, text, instance: instanceId, revision };
}

function toFailureJson(failure: StartFailure): FailureJson {
  const { code, message, logLines, at } = failure;
  return { code, message, log_lines: [...logLines], at: toInstant(at) };
}

function toInstanceJson(instance: InstanceView): InstanceJson {
  const { instanceId, revision, state, isReady, health, address, since } = instance;
  return {
    id: instanceId,
    revision,
    state,
    ready: isReady,
    health_failure: health && toFailureJson(health),
    address,
    since: toInstant(since),
  };
}

function toInstant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
