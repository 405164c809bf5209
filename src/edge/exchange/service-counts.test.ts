import { expect, test } from 'bun:test';
import { ServiceCounts } from './service-counts.ts';

test('exchanges are counted by method and class of status, and by how long they took', () => {
  const counts = new ServiceCounts('app', new Set());
  counts.exchange('GET', 200, 0.5);
  counts.exchange('GET', 204, 3);
  counts.exchange('BREW', 418, 120_000);
  counts.exchange('GET', 101, null);
  expect(counts.take()).toEqual({
    service: 'app',
    counts: {
      'requests GET 2xx': 2,
      'requests GET 1xx': 1,
      'requests other 4xx': 1,
      'duration 0.001': 1,
      'duration 0.005': 1,
      'duration +Inf': 1,
      'duration sum': 120.0035,
    },
  });
});

test('what was taken is not there a second time', () => {
  const changed = new Set<ServiceCounts>();
  const counts = new ServiceCounts('app', changed);
  counts.failed('wake_timeout');
  counts.failed('wake_timeout');
  counts.add('bytes out', 1_000);
  counts.waited(20);
  expect([...changed]).toEqual([counts]);
  expect(counts.take().counts).toEqual({
    'failure wake_timeout': 2,
    'bytes out': 1_000,
    'wait 0.025': 1,
    'wait sum': 0.02,
  });
  changed.clear();
  expect(counts.take().counts).toEqual({});
  expect(changed.size).toBe(0);
  counts.add('holds');
  expect(changed.size).toBe(1);
});

test('codes of failures are bounded', () => {
  const counts = new ServiceCounts('app', new Set());
  for (let code = 0; code < 1_000; code++) counts.failed(`code_${code}`);
  const taken = counts.take().counts;
  expect(Object.keys(taken)).toHaveLength(65);
  expect(taken['failure other']).toBe(936);
});
