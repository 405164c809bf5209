/** What people may say about how a project is reached: HTTPS, paths, and how long its answers may take. */
import { z } from '@hono/zod-openapi';
import { DURATION_MIN_MS, RESPONSE_TIMEOUT_MAX_MS } from '../limits.ts';
import { isDurationWithin } from '../rules/duration-range.ts';
import { checkPathPrefix } from '../rules/path-prefix.ts';
import { textThat } from '../rules/rule.ts';

export const routeShape = {
  ssl: z
    .boolean()
    .openapi({
      description:
        'Answers by HTTPS, with certificates that the proxy orders by itself; the proxy must listen for HTTPS (`luma up --https-port`). Default false.',
    })
    .nullish(),
  ssl_redirect: z
    .boolean()
    .openapi({ description: 'With `ssl`: HTTP is redirected to HTTPS. Default true.' })
    .nullish(),
  response_timeout: textThat(isDurationWithin(DURATION_MIN_MS, RESPONSE_TIMEOUT_MAX_MS, 'never'))
    .openapi({
      description:
        'From a request to the head of its answer, then the client gets 504; `never` is no limit. A wake does not count. Default `5m`.',
      example: '5m',
    })
    .nullish(),
  forward_headers: z
    .boolean()
    .openapi({
      description:
        'Appends to the `X-Forwarded-*` that a client sent instead of replacing them: for projects behind another proxy. Default false.',
    })
    .nullish(),
  sticky_traffic: z
    .boolean()
    .openapi({
      description:
        'Where requests are shared out among revisions, a client comes back to the one that served it first, by cookie. Default false.',
    })
    .nullish(),
  path_prefix: textThat(checkPathPrefix)
    .openapi({
      description:
        'Other paths of its hostnames are answered with 404. It stays part of the path. Default `/`.',
      example: '/api',
    })
    .nullish(),
};
