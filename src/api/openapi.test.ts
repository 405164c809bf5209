import { describe, expect, test } from 'bun:test';
import { describeRoutes } from './openapi.ts';
import { problemTable } from './problem.ts';
import { routes } from './routes.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into wherever needed.
const document = JSON.parse(JSON.stringify(describeRoutes(routes, '1.2.3'))) as any;

function* nodesOf(node: unknown, path = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield [path, node as Record<string, unknown>];
  for (const [key, value] of Object.entries(node)) yield* nodesOf(value, `${path}/${key}`);
}

function resolve(reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce((node: unknown, key) => (node as Record<string, unknown> | undefined)?.[key], document);
}

describe('the OpenAPI document', () => {
  test('is version 3.1 and says whose it is', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Luma', version: '1.2.3' });
  });

  test('has every route of the table and no other', () => {
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  test('names each operation once', () => {
    const ids = routes.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('resolves every reference and leaves no schema unused', () => {
    const references = [...nodesOf(document)].flatMap(([, node]) =>
      typeof node['$ref'] === 'string' ? [node['$ref']] : [],
    );
    for (const reference of references)
      expect([reference, resolve(reference)]).not.toEqual([reference, undefined]);
    const used = new Set(references);
    for (const name of Object.keys(document.components.schemas)) {
      expect([...used]).toContain(`#/components/schemas/${name}`);
    }
  });

  test('declares each parameter of a path, and only those', () => {
    for (const { method, path } of routes) {
      const operation = document.paths[path][method.toLowerCase()];
      const names = (operation.parameters ?? [])
        .filter((p: { in: string }) => p.in === 'path')
        .map((p: { name: string }) => p.name);
      expect([path, names]).toEqual([path, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)]);
    }
  });

  test('knows every problem it mentions', () => {
    for (const { problems } of routes) for (const code of problems) expect(problemTable).toHaveProperty(code);
  });

  test('uses only the types and keywords of JSON Schema 2020-12', () => {
    const types = new Set(['string', 'integer', 'number', 'boolean', 'array', 'object', 'null']);
    for (const [path, node] of nodesOf(document.components.schemas)) {
      expect([path, 'nullable' in node && typeof node['nullable'] === 'boolean']).toEqual([path, false]);
      if (!('type' in node) || (typeof node['type'] === 'object' && !Array.isArray(node['type']))) continue;
      for (const type of [node['type']].flat()) expect([path, types.has(String(type))]).toEqual([path, true]);
      for (const pattern of [node['pattern']].filter((p) => typeof p === 'string'))
        new RegExp(pattern as string, 'u');
    }
  });

  test('refuses unknown fields where the API does', () => {
    for (const name of ['CreateProject', 'PutProject', 'PatchProject']) {
      expect(document.components.schemas[name].additionalProperties).toBe(false);
    }
  });
});
