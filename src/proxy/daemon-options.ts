/** What a daemon is started with. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AccessLog, EdgeSettings } from '../edge/index.ts';
import type { AcmeSettings } from './acme/acme-settings.ts';
import type { CertificatePaths } from './certificates/own-certificate.ts';

export interface DaemonOptions {
  readonly version: string;
  /** IP addresses to listen on. */
  readonly httpHosts: readonly string[];
  /** 0: one that is free, the same for every address. */
  readonly httpPort: number;
  /** As `httpPort`; null: no HTTPS. */
  readonly httpsPort: number | null;
  /** For clients that name no host, or one without a certificate; null: their handshakes are refused. */
  readonly defaultCertificate: CertificatePaths | null;
  readonly socketPath: string;
  readonly stateDir: string;
  /** Worker processes; 0 serves from the daemon's own. */
  readonly workers: number;
  readonly shutdownTimeoutMs: number;
  /** Of each worker's edge. */
  readonly edge: Omit<EdgeSettings, 'httpsPort'>;
  /** Of the daemon's own worker (`workers` 0); worker processes are told by their command. Null: none. */
  readonly accessLog: AccessLog | null;
  /** A loopback port that answers `GET /metrics`; null: none. */
  readonly metricsPort: number | null;
  /** Where certificates are ordered, and how. */
  readonly acme: AcmeSettings;
  /** The command that starts this program as a worker; flags are added to it. */
  readonly workerCommand: readonly string[];
  /** Called when it serves, before anybody else can know. */
  readonly onServing: () => void;
  readonly clock: Clock;
  readonly log: Log;
}
