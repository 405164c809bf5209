/** What the management socket says about the daemon and its services: the wire form, one schema for both ends. */
import { z } from 'zod';

export const targetStatusSchema = z.object({
  id: z.string(),
  address: z.string(),
  state: z.enum(['starting', 'ready', 'draining']),
  in_flight: z.number(),
});

export const serviceStatusSchema = z.object({
  name: z.string(),
  /** An installation id, or `client` for services made by commands. */
  owner: z.string(),
  hosts: z.array(z.string()),
  path_prefixes: z.array(z.string()),
  traffic: z.enum(['forward', 'paused', 'stopped']),
  gate: z.enum(['open', 'closed', 'fenced', 'signalled']),
  in_flight: z.number(),
  held: z.number(),
  ends: z.number(),
  targets: z.array(targetStatusSchema),
  /** What client commands have said of it; null for a control plane's. */
  deployment: z
    .object({
      strip_path_prefix: z.boolean(),
      response_timeout_ms: z.number(),
      health_check: z.object({
        path: z.string().nullable(),
        interval_ms: z.number(),
        timeout_ms: z.number(),
        port: z.number().nullable(),
        host: z.string().nullable(),
      }),
      /** While it is paused. */
      max_pause_ms: z.number().nullable(),
      /** While it is stopped. */
      stop_message: z.string().nullable(),
      tls: z
        .object({
          redirect: z.boolean(),
          hsts_seconds: z.number(),
          staging: z.boolean(),
          on_demand_url: z.string().nullable(),
          /** The daemon's name for the one that was brought; null: Luma orders them. */
          own_certificate: z.string().nullable().default(null),
        })
        .nullable(),
      session_affinity: z.boolean().default(false),
      forward_headers: z.boolean(),
      canonical_host: z.string().nullable(),
      /** The daemon's copy. */
      error_pages: z.string().nullable(),
      client_ip_header: z.string().nullable(),
      max_request_body_bytes: z.number(),
      buffer_requests: z.boolean(),
      buffer_responses: z.boolean(),
      target_protocol: z.enum(['http1', 'h2c']),
      exclude_metrics_paths: z.array(z.string()),
      rollout: z
        .object({
          targets: z.array(z.string()),
          percent: z.number(),
          list: z.array(z.string()),
          cookie: z.string(),
        })
        .nullable(),
    })
    .nullable(),
});
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;

export const workerStatusSchema = z.object({
  column: z.number(),
  pid: z.number(),
  state: z.enum(['starting', 'serving', 'draining', 'away']),
  /** Of the route table it has acknowledged. */
  generation: z.number(),
});
export type WorkerStatus = z.infer<typeof workerStatusSchema>;

export const proxyStatusSchema = z.object({
  version: z.string(),
  pid: z.number(),
  started_at: z.string(),
  state: z.enum(['serving', 'handing_over', 'stopping']),
  socket_path: z.string(),
  state_dir: z.string(),
  generation: z.number(),
  listeners: z.array(z.object({ host: z.string(), port: z.number(), tls: z.boolean().default(false) })),
  links: z.array(z.object({ owner: z.string(), epoch: z.number(), ready: z.boolean() })),
  workers: z.array(workerStatusSchema),
  /** How many workers took the place of one that ended by itself. */
  worker_restarts: z.number(),
  services: z.array(serviceStatusSchema),
});
export type ProxyStatus = z.infer<typeof proxyStatusSchema>;

export const proxyHealthSchema = z.object({ status: z.literal('ok'), version: z.string(), pid: z.number() });
export type ProxyHealth = z.infer<typeof proxyHealthSchema>;
