/** What a worker process loads: there is one for each processor, so a package in it is paid for as often. */
import { expect, test } from 'bun:test';
import { isBuiltin } from 'node:module';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dir, '../..');

test('a worker loads no package: neither schemas nor a command line', async () => {
  const built = await Bun.build({
    entrypoints: [join(root, 'src/bin/compose-worker.ts')],
    target: 'bun',
    packages: 'external',
  });
  const text = (await built.outputs[0]?.text()) ?? '';
  const imported = [...text.matchAll(/^import .*?"([^"]+)";$/gm)].map(([, name]) => name ?? '');
  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter((name) => !isBuiltin(name))).toEqual([]);
});
