/** What all exchanges of a worker share. Built by the door, and owned by it; exchanges change only the counts. */
import type { Clock } from '../../base/clock.ts';
import type { BoardColumn } from '../board/index.ts';
import type { HeadMemory } from '../http1/head-memory.ts';
import type { RequestHeadReader } from '../http1/request-head-reader.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { EdgeLimits } from '../limits.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { DeadlineSweep } from '../sockets/deadline-sweep.ts';
import type { CertificateDemands } from '../tls/certificate-demands.ts';
import type { TlsDesk } from '../tls/tls-desk.ts';
import type { IdleBudget } from '../upstream/target-pool.ts';
import type { AccessLog } from './access-line.ts';
import type { ConnectionCaps } from './connection-caps.ts';
import type { DateLine } from './date-line.ts';
import type { EdgeHost } from './edge-host.ts';
import type { OpenClient, OpenClients } from './open-client.ts';
import type { RequestIds } from './request-ids.ts';
import type { ServiceCounts } from './service-counts.ts';
import type { ServiceDesk } from './service-desk.ts';
import type { SpoolBudget } from './spool.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

export interface EdgeCore {
  readonly column: BoardColumn;
  readonly host: EdgeHost;
  readonly clock: Clock;
  readonly limits: EdgeLimits;
  readonly sweep: DeadlineSweep;
  readonly table: RouteTable;
  readonly desks: Map<string, ServiceDesk>;
  readonly clients: OpenClients;
  readonly idleBudget: IdleBudget;
  readonly requestIds: RequestIds;
  readonly date: DateLine;
  readonly requestHeads: RequestHeadReader;
  readonly responseHeads: HeadMemory<ResponseHead>;
  readonly trustedProxies: TrustedProxies;
  readonly caps: ConnectionCaps;
  readonly tls: TlsDesk;
  readonly certificateDemands: CertificateDemands;
  readonly spools: SpoolBudget;
  /** Where plain HTTP is sent on to; null: there is no HTTPS. */
  readonly httpsPort: number | null;
  /** Of requests that belong to no service. */
  readonly counts: ServiceCounts;
  /** Where there is something to take. */
  readonly changedCounts: Set<ServiceCounts>;
  /** Null: off. */
  readonly accessLog: AccessLog | null;
  readonly onError: (error: unknown) => void;
  /** Answers end their connections; nothing new is accepted. */
  isDraining: boolean;
  /** How long an idle connection is kept; shortened by a drain. */
  drainIdleMs: number;
  heldCount: number;
  exchangeCount: number;
  /** Streams of HTTP/2 clients: each is under a deadline of its own, as connections are. */
  streamCount: number;
  onClientGone(client: OpenClient): void;
}
