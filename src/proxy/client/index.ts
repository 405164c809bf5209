/** The proxy client's door: the link for a control plane, and the typed client for the command line. */
export type { CertificateStatus } from './certificate-schema.ts';
export type {
  Deployed,
  DeployRequest,
  OptionsRequest,
  OptionsStatus,
  PauseRequest,
  Removed,
  RemoveRequest,
  RolloutDeployRequest,
  RolloutSetRequest,
  RolloutStopRequest,
  StopRequest,
} from './command-schema.ts';
export type * from './contract.ts';
export { AFFINITY_COOKIE, PLAIN_ISSUANCE, PLAIN_OPTIONS } from './plain-options.ts';
export type { ProxyClient, ProxyClientOptions } from './proxy-client.ts';
export { createProxyClient } from './proxy-client.ts';
export type { ProxyLinkOptions } from './proxy-link.ts';
export { createProxyLink } from './proxy-link.ts';
export type { ProxyStatus, ServiceStatus, WorkerStatus } from './status-schema.ts';
