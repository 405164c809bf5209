import { expect, test } from 'bun:test';
import { metricsText } from './metrics-text.ts';
import { TrafficTotals } from './traffic-totals.ts';

const known = new Set(['app']);
const totals = (): TrafficTotals => new TrafficTotals((service) => known.has(service));

const text = (of: TrafficTotals): string =>
  metricsText({
    version: '1.2.3',
    totals: of,
    services: [{ name: 'app', inFlight: 2, held: 1 }],
    workers: [{ state: 'serving' }, { state: 'draining' }],
    workerRestarts: 4,
    expose: (out) => out.family('luma_proxy_certificates', 'gauge', 'More.'),
  });

test('what workers say is added up, and what is open is theirs while they live', () => {
  const sums = totals();
  sums.add(1, { clients: 3, services: [{ service: 'app', counts: { 'requests GET 2xx': 2 } }] });
  sums.add(2, { clients: 4, services: [{ service: 'app', counts: { 'requests GET 2xx': 5 } }] });
  sums.add(1, { clients: 1, services: [] });
  expect([sums.clients, sums.sum('app', 'requests GET 2xx')]).toEqual([5, 7]);
  sums.workerGone(2);
  expect([sums.clients, sums.sum('app', 'requests GET 2xx')]).toEqual([1, 7]);
});

test('services that nobody knows, and names without number, take no room', () => {
  const sums = totals();
  const counts = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`failure ${index}`, 1]));
  sums.add(1, {
    clients: 0,
    services: [
      { service: 'gone', counts },
      { service: 'app', counts },
    ],
  });
  expect([...sums.entries()].map(([service, { size }]) => [service, size])).toEqual([['app', 500]]);
});

test('every number is a sample with its labels', () => {
  const sums = totals();
  const counts = {
    'requests POST 5xx': 3,
    'duration 0.005': 2,
    'duration +Inf': 1,
    'duration sum': 70.5,
    'failure wake_timeout': 1,
    'quiet answered': 9,
    'bytes in': 100,
    wakes: 6,
    ejections: 5,
  };
  const own = { connections: 8, 'turned away address': 2, 'access log dropped': 1 };
  sums.add(1, {
    clients: 7,
    services: [
      { service: 'app', counts },
      { service: '', counts: own },
    ],
  });
  const lines = text(sums).split('\n');
  for (const line of [
    'luma_proxy_build_info{version="1.2.3"} 1',
    'luma_proxy_workers{state="draining"} 1',
    'luma_proxy_worker_restarts_total 4',
    'luma_proxy_connections 7',
    'luma_proxy_connections_total 8',
    'luma_proxy_connections_turned_away_total{cap="address"} 2',
    'luma_proxy_access_log_dropped_total 1',
    'luma_proxy_in_flight{service="app"} 2',
    'luma_proxy_held{service="app"} 1',
    'luma_proxy_requests_total{service="app",method="POST",status="5xx"} 3',
    'luma_proxy_request_duration_seconds_bucket{service="app",le="0.0025"} 0',
    'luma_proxy_request_duration_seconds_bucket{service="app",le="0.005"} 2',
    'luma_proxy_request_duration_seconds_bucket{service="app",le="60"} 2',
    'luma_proxy_request_duration_seconds_bucket{service="app",le="+Inf"} 3',
    'luma_proxy_request_duration_seconds_sum{service="app"} 70.5',
    'luma_proxy_request_duration_seconds_count{service="app"} 3',
    'luma_proxy_failures_total{service="app",code="wake_timeout"} 1',
    'luma_proxy_quiet_requests_total{service="app",outcome="answered"} 9',
    'luma_proxy_received_bytes_total{service="app"} 100',
    'luma_proxy_wakes_total{service="app"} 6',
    'luma_proxy_ejections_total{service="app"} 5',
  ])
    expect(lines).toContain(line);
  expect(text(sums)).not.toContain('luma_proxy_wake_wait_seconds_bucket');
});

test('each family is said once, and every sample belongs to the one above it', () => {
  let family = '';
  const seen = new Set<string>();
  for (const line of text(totals()).trimEnd().split('\n')) {
    if (line.startsWith('# HELP ')) family = line.split(' ')[2] ?? '';
    else if (line.startsWith('# TYPE ')) {
      expect(seen.has(family)).toBe(false);
      seen.add(family);
    } else expect(line).toStartWith(family);
  }
});
