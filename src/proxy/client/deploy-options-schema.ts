/** What `PUT /v1/services/{name}` may say of a service beyond where it is and where it goes. One schema for both ends. */
import { z } from 'zod';
import { EXCLUDED_PATHS_MAX, HSTS_SECONDS_MAX } from '../limits.ts';
import { pathPrefixSchema } from '../services/service-schema.ts';

const pathSchema = z.string().startsWith('/', 'a whole path, which begins with `/`').max(4_096);

/** HTTPS for its hosts. Without a certificate of its own, Luma orders one for each. */
const tlsSchema = z.strictObject({
  redirect: z.boolean().default(true),
  /** 0: no Strict-Transport-Security. */
  hsts_seconds: z.int().min(0).max(HSTS_SECONDS_MAX, 'at most ten years').default(0),
  staging: z.boolean().default(false),
  on_demand_url: z
    .url({ protocol: /^https?$/, error: 'an address that begins with http:// or https://' })
    .max(2_048)
    .nullable()
    .default(null),
  /** PEM files as the daemon sees them: the certificate with its chain, and its key. Without them Luma orders one. */
  own_certificate: z
    .strictObject({ certificate_path: pathSchema, private_key_path: pathSchema })
    .nullable()
    .default(null),
});
export type ReadTls = z.output<typeof tlsSchema>;

const hostNameSchema = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9._:[\]-]+$/, 'a host name without a port')
  .transform((host) => host.toLowerCase());

const headerNameSchema = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'the name of a header, such as CF-Connecting-IP')
  .transform((name) => name.toLowerCase());

export const deployOptionsShape = {
  tls: tlsSchema.nullable().default(null),
  /** A client comes back to the target it had first, by cookie. */
  session_affinity: z.boolean().default(false),
  forward_headers: z.boolean().default(false),
  canonical_host: hostNameSchema.nullable().default(null),
  /** A directory as the daemon sees it, with pages such as 404.html and 5xx.html. */
  error_pages: pathSchema.nullable().default(null),
  client_ip_header: headerNameSchema.nullable().default(null),
  /** 0: no limit. */
  max_request_body_bytes: z.int().min(0, 'a size is not negative').default(0),
  buffer_requests: z.boolean().default(false),
  buffer_responses: z.boolean().default(false),
  target_protocol: z.enum(['http1', 'h2c'], 'http1 or h2c').default('http1'),
  exclude_metrics_paths: z.array(pathPrefixSchema).max(EXCLUDED_PATHS_MAX).default([]),
};
