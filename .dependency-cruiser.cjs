/** The layers of docs/ARCHITECTURE.md, checked: who may import whom, through which door; type imports count too. */

/** Layer → the layers it may import. */
const mayImport = {
  base: [],
  domain: ['base'],
  telemetry: ['base'],
  edge: ['base', 'telemetry'],
  proxy: ['base', 'telemetry', 'edge'],
  runtimes: ['base', 'domain', 'telemetry'],
  store: ['base', 'domain', 'telemetry'],
  control: ['base', 'domain', 'telemetry', 'runtimes', 'store', 'proxy/client'],
  api: ['base', 'domain', 'telemetry', 'control'],
  dashboard: ['api/client'],
  cli: ['base', 'api/client', 'proxy/client'],
  bin: [
    'base',
    'domain',
    'telemetry',
    'edge',
    'proxy',
    'runtimes',
    'store',
    'control',
    'api',
    'dashboard',
    'cli',
  ],
};

/** Layers made of plain functions and nouns: every file is its own door. */
const open = ['base', 'domain'];

/** What other layers may name of a closed layer, or of a part that is a layer's door by itself. */
const doors = [
  '^src/[^/]+/index\\.ts$',
  '^src/[^/]+/contract\\.ts$',
  '^src/[^/]+/[^/]+\\.contract\\.ts$',
  '^src/(runtimes|store|cli)/[^/]+/index\\.ts$',
  '^src/(api|proxy)/client/(index|contract)\\.ts$',
  '^src/proxy/workers/index\\.ts$',
  // What the daemon and the edge share: the board's memory, and what they say to each other as plain data.
  '^src/edge/board/index\\.ts$',
  '^src/edge/routing/service-route\\.ts$',
  '^src/edge/exchange/edge-host\\.ts$',
];

const layerOf = (name) => `^src/${name}/`;
const testFiles = '\\.(test|fixture)\\.ts$';

const layerRules = Object.entries(mayImport).map(([layer, allowed]) => ({
  name: `${layer}-may-import`,
  comment: `src/${layer} may import ${allowed.map((name) => `src/${name}`).join(', ') || 'no other layer'}`,
  severity: 'error',
  from: { path: layerOf(layer) },
  to: { path: '^src/', pathNot: [layer, ...allowed].map(layerOf) },
}));

const doorRules = Object.keys(mayImport)
  .filter((layer) => !open.includes(layer))
  .map((layer) => ({
    name: `${layer}-only-by-its-door`,
    comment: `other layers see only the doors of src/${layer}: index.ts and contract files`,
    severity: 'error',
    from: { path: '^src/', pathNot: layerOf(layer) },
    to: { path: layerOf(layer), pathNot: doors },
  }));

/** Inside the edge: protocols do not know each other, and only the exchange sees the parts that choose together. */
const sharedByEdge = '^src/edge/routing/service-route\\.ts$';
const between = (name, from, to) => ({
  name,
  comment: `inside the edge: ${name.replaceAll('-', ' ')}`,
  severity: 'error',
  from: { path: `^src/edge/(${from})/`, pathNot: testFiles },
  to: { path: `^src/edge/(${to})/`, pathNot: sharedByEdge },
});
const edgeRules = [
  between('http1-knows-no-other-protocol', 'http1', 'http2|http3'),
  between('http2-knows-no-other-protocol', 'http2', 'http1|http3'),
  between('http3-knows-no-other-protocol', 'http3', 'http1|http2'),
  between(
    'protocols-and-sockets-decide-nothing',
    'http1|http2|http3|sockets|tls',
    'exchange|routing|balancing|upstream',
  ),
  between('routing-sees-only-itself', 'routing', 'balancing|upstream|exchange'),
  between('balancing-sees-no-routing-and-no-upstream', 'balancing', 'routing|upstream|exchange'),
  between('upstream-sees-no-routing-and-no-balancing', 'upstream', 'routing|balancing|exchange'),
];

module.exports = {
  forbidden: [
    ...layerRules,
    ...doorRules,
    ...edgeRules,
    {
      name: 'no-circular',
      comment: 'two files that need each other are one idea',
      severity: 'error',
      from: { pathNot: testFiles },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'programs-do-not-need-tests',
      comment: 'only tests, benches and scripts may import from test/, bench/ and scripts/',
      severity: 'error',
      from: { path: '^src/', pathNot: [testFiles, '\\.contract\\.ts$'] },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'no-development-packages-in-programs',
      comment: 'what runs needs only `dependencies`',
      severity: 'error',
      from: { path: '^src/', pathNot: [testFiles, '\\.contract\\.ts$'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      comment: 'every import leads somewhere',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['^bun(:|$)'] },
    },
    {
      name: 'known-layers-only',
      comment: 'a new folder in src/ needs a line in the table above',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: Object.keys(mayImport).map(layerOf) },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'] },
    builtInModules: { add: ['bun', 'bun:test', 'bun:sqlite', 'bun:ffi', 'bun:jsc'] },
  },
};
