import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { CertificateTable } from './certificate-table.ts';
import type { EdgeCertificate } from './edge-certificate.ts';

function certificate(
  id: string,
  names: readonly string[],
  more: Partial<EdgeCertificate> = {},
): EdgeCertificate {
  return { id, names, file: `/nowhere/${id}`, notBefore: 0, notAfter: 1, ...more };
}

function tableOf(...put: EdgeCertificate[]): CertificateTable {
  const table = new CertificateTable();
  table.apply({ put, remove: [] });
  return table;
}

describe('finds', () => {
  const table = tableOf(
    certificate('exact', ['shop.test']),
    certificate('wildcard', ['*.shop.test', '*.test']),
    certificate('one', ['a.shop.test']),
  );

  test('the exact name before a wildcard', () => {
    expect(table.find('a.shop.test')?.id).toBe('one');
    expect(table.find('shop.test')?.id).toBe('exact');
  });

  test('a wildcard for one level and no more', () => {
    expect(table.find('b.shop.test')?.id).toBe('wildcard');
    expect(table.find('b.c.shop.test')).toBeNull();
    expect(table.find('.shop.test')).toBeNull();
  });

  test('nothing for an unknown name or none, unless there is a default', () => {
    expect(table.find('elsewhere.example')).toBeNull();
    expect(table.find(null)).toBeNull();
    table.apply({ put: [certificate('default', [''])], remove: [] });
    expect(table.find('elsewhere.example')?.id).toBe('default');
    expect(table.find(null)?.id).toBe('default');
  });
});

test('of several for one name a person’s own comes first, then the newest', () => {
  const table = tableOf(
    certificate('old', ['a.test'], { notBefore: 1 }),
    certificate('new', ['a.test'], { notBefore: 2 }),
  );
  expect(table.find('a.test')?.id).toBe('new');
  table.apply({ put: [certificate('own', ['a.test'], { isOwn: true })], remove: [] });
  expect(table.find('a.test')?.id).toBe('own');
  table.apply({ put: [], remove: ['own', 'new'] });
  expect(table.find('a.test')?.id).toBe('old');
});

test('one that is put again stands for what it now names alone', () => {
  const table = tableOf(certificate('a', ['a.test', 'b.test']));
  table.apply({ put: [certificate('a', ['b.test', 'c.test'])], remove: [] });
  expect([table.find('a.test'), table.find('b.test')?.id, table.find('c.test')?.id]).toEqual([
    null,
    'a',
    'a',
  ]);
  expect(table.size).toBe(1);
});

test('after any changes it finds what a table made of the rest finds', () => {
  const names = ['a.test', 'b.test', '*.test', ''];
  const anyCertificate = fc.record({
    id: fc.constantFrom('1', '2', '3'),
    names: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
    notBefore: fc.nat(3),
    isOwn: fc.boolean(),
  });
  const anyChange = fc.record({
    put: fc.array(anyCertificate, { maxLength: 2 }),
    remove: fc.array(fc.constantFrom('1', '2', '3'), { maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 6 }), (changes) => {
      const table = new CertificateTable();
      const left = new Map<string, EdgeCertificate>();
      for (const { put, remove } of changes) {
        const full = put.map((part) => certificate(part.id, part.names, part));
        table.apply({ put: full, remove });
        for (const id of remove) left.delete(id);
        for (const one of full) left.set(one.id, one);
      }
      const fresh = tableOf(...left.values());
      for (const host of ['a.test', 'b.test', 'c.test', null])
        expect(table.find(host)).toEqual(fresh.find(host));
    }),
  );
});
