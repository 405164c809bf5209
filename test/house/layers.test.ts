/** The layer check itself: each forbidden import is found, type imports too, and each allowed one passes. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dir, '../..');

/** [importing file, imported file, the rule that must speak up]. */
const forbidden: readonly (readonly [string, string, string])[] = [
  ['base/a', 'domain/project', 'base-may-import'],
  ['domain/a', 'store/contract', 'domain-may-import'],
  ['telemetry/a', 'domain/project', 'telemetry-may-import'],
  ['edge/exchange/a', 'domain/project', 'edge-may-import'],
  ['edge/exchange/b', 'proxy/client/contract', 'edge-may-import'],
  ['proxy/a', 'control/contract', 'proxy-may-import'],
  ['proxy/b', 'domain/project', 'proxy-may-import'],
  ['proxy/c', 'edge/http1/parser', 'edge-only-by-its-door'],
  ['runtimes/docker/a', 'store/contract', 'runtimes-may-import'],
  ['store/sqlite/a', 'control/contract', 'store-may-import'],
  ['control/a', 'api/index', 'control-may-import'],
  ['control/b', 'edge/index', 'control-may-import'],
  ['control/c', 'proxy/index', 'control-may-import'],
  ['control/d', 'runtimes/docker/engine', 'runtimes-only-by-its-door'],
  ['control/e', 'store/sqlite/migrations', 'store-only-by-its-door'],
  ['api/a', 'store/index', 'api-may-import'],
  ['api/b', 'control/control-plane', 'control-only-by-its-door'],
  ['dashboard/a', 'api/index', 'dashboard-may-import'],
  ['dashboard/b', 'base/clock', 'dashboard-may-import'],
  ['cli/luma/a', 'api/index', 'cli-may-import'],
  ['cli/luma/b', 'control/contract', 'cli-may-import'],
  ['cli/luma/c', 'api/client/transport', 'api-only-by-its-door'],
  ['cli/luma/d', 'telemetry/index', 'cli-may-import'],
  ['bin/a', 'control/control-plane', 'control-only-by-its-door'],
  ['base/b', 'bin/luma', 'bin-only-by-its-door'],
  ['edge/http1/a', 'edge/http2/parser', 'http1-knows-no-other-protocol'],
  ['edge/http2/a', 'edge/http1/parser', 'http2-knows-no-other-protocol'],
  ['edge/http1/b', 'edge/routing/table', 'protocols-and-sockets-decide-nothing'],
  ['edge/sockets/a', 'edge/upstream/pool', 'protocols-and-sockets-decide-nothing'],
  ['edge/balancing/a', 'edge/upstream/pool', 'balancing-sees-no-routing-and-no-upstream'],
  ['edge/routing/a', 'edge/balancing/least', 'routing-sees-only-itself'],
  ['edge/upstream/a', 'edge/routing/table', 'upstream-sees-no-routing-and-no-balancing'],
  ['control/f', '../test/engine', 'programs-do-not-need-tests'],
  ['base/c', 'unheard-of/thing', 'known-layers-only'],
];

const allowed: readonly (readonly [string, string])[] = [
  ['domain/x', 'base/clock'],
  ['edge/exchange/x', 'edge/routing/table'],
  ['edge/exchange/y', 'edge/upstream/pool'],
  ['edge/upstream/x', 'edge/routing/service-route'],
  ['edge/upstream/y', 'edge/http1/parser'],
  ['proxy/x', 'edge/index'],
  ['proxy/client/contract', 'edge/routing/service-route'],
  ['control/x', 'proxy/client/contract'],
  ['control/y', 'runtimes/docker/index'],
  ['control/z', 'store/contract'],
  ['api/x', 'control/contract'],
  ['cli/luma/x', 'api/client/index'],
  ['bin/x', 'cli/luma/index'],
  ['bin/y', 'runtimes/docker/index'],
  ['control/x.test', '../test/engine'],
];

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

let tree: string;
let violations: readonly Violation[] = [];

function write(path: string, text: string): void {
  const file = join(tree, 'src', `${path}.ts`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function writeImport(from: string, to: string, keyword: string): void {
  const path = relative(dirname(from), to);
  write(
    from,
    `${keyword} { thing } from '${path.startsWith('.') ? path : `./${path}`}.ts';\nexport const x = 1;\n`,
  );
}

function rulesAgainst(path: string): string[] {
  return violations.filter(({ from }) => from === `src/${path}.ts`).map(({ rule }) => rule.name);
}

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'luma-layers-'));
  cpSync(join(root, '.dependency-cruiser.cjs'), join(tree, '.dependency-cruiser.cjs'));
  cpSync(join(root, 'package.json'), join(tree, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  const targets = new Set([...forbidden, ...allowed].map(([, to]) => to));
  for (const to of targets) write(to, 'export type thing = 1;\n');
  for (const [from, to] of forbidden) {
    writeImport(from, to, 'import type');
    writeImport(`${from}-value`, to, 'import');
  }
  for (const [from, to] of allowed) writeImport(from, to, 'import type');
  write('base/uses-a-test-package', "import fc from 'fast-check';\nexport const x = fc;\n");
  write('base/circle-a', "import { b } from './circle-b.ts';\nexport const a = () => b;\n");
  write('base/circle-b', "import { a } from './circle-a.ts';\nexport const b = () => a;\n");
  write('base/leads-nowhere', "import { a } from './missing.ts';\nexport const b = () => a;\n");
  const tool = join(root, 'node_modules/.bin/depcruise');
  const done = Bun.spawnSync(
    [tool, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src', 'test'],
    {
      cwd: tree,
    },
  );
  violations = JSON.parse(done.stdout.toString()).summary.violations;
}, 60_000);

afterAll(() => rmSync(tree, { recursive: true, force: true }));

describe('the layer check', () => {
  test.each(forbidden)('refuses %s → %s', (from, _to, rule) => {
    expect(rulesAgainst(from)).toContain(rule);
    expect(rulesAgainst(`${from}-value`)).toContain(rule);
  });

  test.each(allowed)('allows %s → %s', (from) => {
    expect(rulesAgainst(from)).toEqual([]);
  });

  test('refuses a development package in a program', () => {
    expect(rulesAgainst('base/uses-a-test-package')).toEqual(['no-development-packages-in-programs']);
  });

  test('refuses two files that need each other', () => {
    expect(
      violations.some(({ from, rule }) => from.includes('base/circle-') && rule.name === 'no-circular'),
    ).toBe(true);
  });

  test('refuses an import that leads nowhere', () => {
    expect(rulesAgainst('base/leads-nowhere')).toEqual(['resolvable']);
  });
});
