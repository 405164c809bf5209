import { expect, test } from 'bun:test';
import { Exposition } from './exposition.ts';

test('families, labels and values are written as Prometheus reads them', () => {
  const exposition = new Exposition();
  exposition.family('luma_requests_total', 'counter', 'Requests.\nAll of them.');
  exposition.sample({ service: 'a', status: '2xx' }, 3);
  exposition.sample({ service: 'a "b"\\\n' }, 0.5);
  exposition.family('luma_up', 'gauge', 'Up.');
  exposition.sample({}, 1);
  expect(exposition.text).toBe(
    '# HELP luma_requests_total Requests.\\nAll of them.\n# TYPE luma_requests_total counter\n' +
      'luma_requests_total{service="a",status="2xx"} 3\n' +
      'luma_requests_total{service="a \\"b\\"\\\\\\n"} 0.5\n' +
      '# HELP luma_up Up.\n# TYPE luma_up gauge\nluma_up 1\n',
  );
});

test('a histogram is cumulated, and ends with everything', () => {
  const exposition = new Exposition();
  exposition.family('d', 'histogram', 'Time.');
  exposition.histogram({ service: 'a' }, [0.1, 1], [2, 3, 4], 12.5);
  expect(exposition.text.split('\n').slice(2, -1)).toEqual([
    'd_bucket{service="a",le="0.1"} 2',
    'd_bucket{service="a",le="1"} 5',
    'd_bucket{service="a",le="+Inf"} 9',
    'd_sum{service="a"} 12.5',
    'd_count{service="a"} 9',
  ]);
});
