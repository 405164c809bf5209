/** The proxy's door: the daemon, for `bin` to build. Workers use `workers/index.ts`, clients `client/index.ts`. */
export type { AcmeSettings } from './acme/acme-settings.ts';
export { CLOUDFLARE_API_URL, LETS_ENCRYPT_STAGING_URL, LETS_ENCRYPT_URL } from './acme/acme-settings.ts';
export { Daemon } from './daemon.ts';
export type { DaemonOptions } from './daemon-options.ts';
export { tellServiceManager } from './service-manager.ts';
export type { ListenAddress } from './workers/listening-socket.ts';
export { addressText } from './workers/listening-socket.ts';
export { workerOutputWords } from './workers/worker-flags.ts';
