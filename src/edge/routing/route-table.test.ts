import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { RouteTable, targetFor } from './route-table.ts';
import { PLAIN_OPTIONS, type ServiceRoute } from './service-route.ts';

function service(name: string, hosts: string[], pathPrefixes = ['/'], stripPathPrefix = false): ServiceRoute {
  const settings = {
    holdTimeoutMs: 1,
    responseTimeoutMs: 1,
    targetConcurrency: 0,
    waitMode: 'hold',
    quietRules: [],
    quietAfterMs: null,
    ...PLAIN_OPTIONS,
  } as const;
  return { name, row: 1, hosts, pathPrefixes, stripPathPrefix, traffic: 'forward', targets: [], ...settings };
}

function tableOf(...put: ServiceRoute[]): RouteTable {
  const table = new RouteTable();
  table.apply({ generation: 1, put, remove: [] });
  return table;
}

test('prefers the exact host, then one wildcard level, then the catch-all', () => {
  const table = tableOf(service('exact', ['a.b.test']), service('wild', ['*.b.test']), service('all', ['']));
  expect(table.find('a.b.test', '/')?.name).toBe('exact');
  expect(table.find('c.b.test', '/')?.name).toBe('wild');
  expect(table.find('d.c.b.test', '/')?.name).toBe('all');
  expect(table.find('b.test', '/')?.name).toBe('all');
  expect(table.find('', '/')?.name).toBe('all');
});

test('knows nobody without a match', () => {
  const table = tableOf(service('a', ['a.test'], ['/api']));
  expect(table.find('b.test', '/api')).toBeNull();
  expect(table.find('a.test', '/')).toBeNull();
});

test('takes the longest prefix, on segment borders only', () => {
  const table = tableOf(
    service('root', ['h']),
    service('api', ['h'], ['/api/']),
    service('v1', ['h'], ['/api/v1']),
  );
  const names = ['/', '/apix', '/api', '/api/x', '/api/v1', '/api/v1/x', '/api/v10'].map(
    (path) => table.find('h', path)?.name,
  );
  expect(names).toEqual(['root', 'root', 'api', 'api', 'v1', 'v1', 'api']);
});

test('a host whose prefixes do not match leaves the path to its wildcard and the catch-all', () => {
  const table = tableOf(service('api', ['a.b.test'], ['/api']), service('wild', ['*.b.test']));
  expect(table.find('a.b.test', '/other')?.name).toBe('wild');
});

test('strips the prefix a request matched by', () => {
  const route = service('s', ['h'], ['/api', '/api/v1', '/'], true);
  expect(targetFor(route, '/api/v1/x?y', '/api/v1/x')).toBe('/x?y');
  expect(targetFor(route, '/api?y', '/api')).toBe('/?y');
  expect(targetFor(route, '/other', '/other')).toBe('/other');
  expect(targetFor(service('s', ['h'], ['/api']), '/api/x', '/api/x')).toBe('/api/x');
});

test('a change replaces a service whole, and a removal leaves nothing of it', () => {
  const table = tableOf(service('a', ['a.test', 'b.test']));
  table.apply({ generation: 2, put: [service('a', ['b.test', 'c.test'])], remove: [] });
  expect(['a.test', 'b.test', 'c.test'].map((host) => table.find(host, '/')?.name)).toEqual([
    undefined,
    'a',
    'a',
  ]);
  table.apply({ generation: 3, put: [], remove: ['a', 'unknown'] });
  expect(table.find('b.test', '/')).toBeNull();
  expect(table.size).toBe(0);
  expect(table.generation).toBe(3);
});

test('any order of changes ends in the table of the last state', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const hosts = fc.uniqueArray(fc.constantFrom('x.test', 'y.test', '*.test', ''), { maxLength: 3 });
  const prefixes = fc.uniqueArray(fc.constantFrom('/', '/p', '/p/q'), { minLength: 1, maxLength: 2 });
  const change = fc.tuple(name, fc.option(fc.tuple(hosts, prefixes)));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const table = new RouteTable();
      const last = new Map<string, ServiceRoute>();
      changes.forEach(([service_, wanted], index) => {
        last.delete(service_);
        if (wanted === null) {
          table.apply({ generation: index + 1, put: [], remove: [service_] });
          return;
        }
        const route = service(service_, wanted[0], wanted[1]);
        last.set(service_, route);
        table.apply({ generation: index + 1, put: [route], remove: [] });
      });
      const fresh = tableOf(...last.values());
      for (const host of ['x.test', 'y.test', 'z.test', 'other']) {
        for (const path of ['/', '/p', '/p/q', '/pq']) {
          const found = table.find(host, path);
          const expected = fresh.find(host, path);
          expect(found?.pathPrefixes.length).toBe(expected?.pathPrefixes.length);
          expect(found === null).toBe(expected === null);
          expect(table.find(host, path)?.hosts).toEqual(expected?.hosts);
        }
      }
    }),
  );
});

test('an update of one service leaves the entries of 100,000 others as they are', () => {
  const table = new RouteTable();
  const put = Array.from({ length: 100_000 }, (_, index) => service(`s${index}`, [`h${index}.test`]));
  table.apply({ generation: 1, put, remove: [] });
  const changed = service('s5', ['h5.test', 'new.test']);
  table.apply({ generation: 2, put: [changed], remove: ['s6'] });
  expect(table.find('new.test', '/')).toBe(changed);
  expect(table.find('h6.test', '/')).toBeNull();
  // The very objects: nothing was copied for them.
  for (const index of [0, 7, 99_999]) expect(table.find(`h${index}.test`, '/')).toBe(put[index]!);
});
