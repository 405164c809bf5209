/** What a change of settings touches: the instance, the routes, both or nothing. Pure. */
import type { ProjectSettings, ServiceSettings } from '../../domain/project.ts';
import { revisionSettingsOf } from '../../domain/revision.ts';

export interface SettingsChange {
  /** A new instance is needed. */
  readonly isRevision: boolean;
  /** The proxy or the idle timer has to know. */
  readonly isRouting: boolean;
}

export function settingsChange(from: ProjectSettings, to: ProjectSettings): SettingsChange {
  return {
    isRevision: canonical(revisionSettingsOf(from)) !== canonical(revisionSettingsOf(to)),
    isRouting: canonical(servicePart(from)) !== canonical(servicePart(to)),
  };
}

function servicePart(settings: ProjectSettings): ServiceSettings {
  const { hostnames, idleTimeoutMs, wakeTimeoutMs, waitMode, quietRules, scaling, keeping } = settings;
  const { ssl, sslRedirect, responseTimeoutMs, forwardHeaders, pathPrefix, stickyTraffic } = settings;
  return {
    ...{ hostnames, idleTimeoutMs, wakeTimeoutMs, waitMode, quietRules, scaling, keeping },
    ...{ ssl, sslRedirect, responseTimeoutMs, forwardHeaders, pathPrefix, stickyTraffic },
  };
}

/** The same text for the same values, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
