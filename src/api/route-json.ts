/** How a project is reached, as people see it and send it back. */
import { formatDuration } from '../base/duration.ts';
import type { ServiceSettings } from '../domain/project.ts';
import type { ProjectJson } from './schemas/responses.ts';

export type RouteJson = Pick<
  ProjectJson,
  'ssl' | 'ssl_redirect' | 'response_timeout' | 'forward_headers' | 'path_prefix' | 'sticky_traffic'
>;

export function toRouteJson(settings: ServiceSettings): RouteJson {
  const { ssl, sslRedirect, responseTimeoutMs, forwardHeaders, pathPrefix, stickyTraffic } = settings;
  return {
    ssl,
    ssl_redirect: sslRedirect,
    response_timeout: responseTimeoutMs === null ? 'never' : formatDuration(responseTimeoutMs),
    forward_headers: forwardHeaders,
    path_prefix: pathPrefix,
    sticky_traffic: stickyTraffic,
  };
}
