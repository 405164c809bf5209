/** The daemon's numbers as Prometheus reads them. A pure function of what it is given. */
import { DURATION_BOUNDS } from '../../edge/contract.ts';
import { Exposition, type Labels } from '../../telemetry/index.ts';
import type { MemberState } from '../workers/crew.ts';
import type { Sums, TrafficTotals } from './traffic-totals.ts';

export interface MetricsParts {
  readonly version: string;
  readonly totals: TrafficTotals;
  /** Read from the board now. */
  readonly services: readonly { readonly name: string; readonly inFlight: number; readonly held: number }[];
  readonly workers: readonly { readonly state: MemberState }[];
  readonly workerRestarts: number;
  readonly expose: (out: Exposition) => void;
}

const WORKER_STATES: readonly MemberState[] = ['starting', 'serving', 'draining', 'away'];

export function metricsText(parts: MetricsParts): string {
  const out = new Exposition();
  const traffic = [...parts.totals.entries()];
  ofTheProxy(out, parts);
  ofNow(out, parts);
  ofRequests(out, traffic);
  ofTargets(out, traffic);
  ofWaiting(out, traffic);
  parts.expose(out);
  return out.text;
}

function ofTheProxy(
  out: Exposition,
  { version, totals, services, workers, workerRestarts }: MetricsParts,
): void {
  out.family('luma_proxy_build_info', 'gauge', 'The version that answers.');
  out.sample({ version }, 1);
  out.family('luma_proxy_services', 'gauge', 'Services that are routed.');
  out.sample({}, services.length);
  out.family('luma_proxy_workers', 'gauge', 'Worker processes by state.');
  for (const state of WORKER_STATES) {
    out.sample({ state }, workers.filter((worker) => worker.state === state).length);
  }
  out.family('luma_proxy_worker_restarts_total', 'counter', 'Workers that took the place of one that ended.');
  out.sample({}, workerRestarts);
  out.family('luma_proxy_connections', 'gauge', 'Connections of clients that are open.');
  out.sample({}, totals.clients);
  out.family('luma_proxy_connections_total', 'counter', 'Connections of clients so far.');
  out.sample({}, totals.sum('', 'connections'));
  out.family('luma_proxy_connections_turned_away_total', 'counter', 'Connections beyond a cap, by which.');
  for (const cap of ['total', 'address', 'proxy_header']) {
    out.sample({ cap }, totals.sum('', `turned away ${cap}`));
  }
  out.family('luma_proxy_access_log_dropped_total', 'counter', 'Lines of the access log that found no room.');
  out.sample({}, totals.sum('', 'access log dropped'));
}

function ofNow(out: Exposition, { services }: MetricsParts): void {
  out.family('luma_proxy_in_flight', 'gauge', 'Exchanges in flight.');
  for (const { name, inFlight } of services) out.sample({ service: name }, inFlight);
  out.family('luma_proxy_held', 'gauge', 'Requests held.');
  for (const { name, held } of services) out.sample({ service: name }, held);
}

type Traffic = readonly (readonly [string, Sums])[];

function ofRequests(out: Exposition, traffic: Traffic): void {
  out.family(
    'luma_proxy_requests_total',
    'counter',
    'Requests by method and class of status; no service: refused before one was found.',
  );
  named(out, traffic, /^requests (\S+) (\S+)$/, (method, status) => ({ method, status }));
  out.family(
    'luma_proxy_request_duration_seconds',
    'histogram',
    'From the request to the end of its answer, holds included, tunnels not.',
  );
  histogram(out, traffic, 'duration');
  out.family(
    'luma_proxy_failures_total',
    'counter',
    'Answers of the edge’s own, cuts, and clients that went, by code.',
  );
  named(out, traffic, /^failure (\S+)$/, (code) => ({ code }));
  out.family('luma_proxy_received_bytes_total', 'counter', 'Bytes of bodies and tunnels from clients.');
  named(out, traffic, /^bytes in$/, () => ({}));
  out.family('luma_proxy_sent_bytes_total', 'counter', 'Bytes of bodies and tunnels to clients.');
  named(out, traffic, /^bytes out$/, () => ({}));
}

function ofTargets(out: Exposition, traffic: Traffic): void {
  out.family('luma_proxy_ejections_total', 'counter', 'How often a worker left a failing target out.');
  named(out, traffic, /^ejections$/, () => ({}));
}

function ofWaiting(out: Exposition, traffic: Traffic): void {
  out.family('luma_proxy_wakes_total', 'counter', 'How often workers asked for an instance.');
  named(out, traffic, /^wakes$/, () => ({}));
  out.family('luma_proxy_holds_total', 'counter', 'Requests that were held.');
  named(out, traffic, /^holds$/, () => ({}));
  out.family('luma_proxy_wake_wait_seconds', 'histogram', 'How long requests were held for a wake.');
  histogram(out, traffic, 'wait');
  out.family(
    'luma_proxy_quiet_requests_total',
    'counter',
    'Requests that quiet rules name: passed on, or answered.',
  );
  named(out, traffic, /^quiet (passed|answered)$/, (outcome) => ({ outcome }));
}

function named(
  out: Exposition,
  traffic: Traffic,
  pattern: RegExp,
  labelsOf: (...parts: string[]) => Labels,
): void {
  for (const [service, sums] of traffic) {
    for (const [name, value] of sums) {
      const match = pattern.exec(name);
      if (match) out.sample({ service, ...labelsOf(...match.slice(1)) }, value);
    }
  }
}

function histogram(out: Exposition, traffic: Traffic, name: string): void {
  for (const [service, sums] of traffic) {
    const counts = [...DURATION_BOUNDS, '+Inf'].map((bound) => sums.get(`${name} ${bound}`) ?? 0);
    if (counts.every((count) => count === 0)) continue;
    out.histogram({ service }, DURATION_BOUNDS, counts, sums.get(`${name} sum`) ?? 0);
  }
}
