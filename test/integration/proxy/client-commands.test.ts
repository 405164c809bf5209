/** Each client command as a new user would give it, right and wrong in every way. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../../src/base/certificate.fixture.ts';
import { App, ENTRY, ProxyFixture, type Said, spec } from './proxy-fixture.ts';

// Each command is a process of its own, and a test has many; one that is late is killed, with the daemon.
setDefaultTimeout(30_000);

const isRoot = process.getuid?.() === 0;

let proxy: ProxyFixture;
let app: App;
let target: string;
beforeAll(async () => {
  proxy = new ProxyFixture();
  app = new App('one');
  target = `127.0.0.1:${app.port}`;
  await proxy.start({ workers: 1 });
  const control = proxy.link('inst-a', 1, [spec('theirs')]);
  await control.hears('ready');
  await proxy.client.deploy('shop', { hosts: ['shop.test'], targets: [target] });
});
afterAll(async () => {
  await app.stop();
  await proxy.dispose();
});

const run = (...words: string[]): Promise<Said> => proxy.run(...words);

test('a service begins, is shown, paused, stopped, resumed and removed', async () => {
  const words = ['deploy', 'cart', '--host', 'cart.test', '--host', '*.cart.test', '--target', target];
  expect(await run(...words)).toEqual({
    code: 0,
    out: `cart serves cart.test, *.cart.test from ${target}\n`,
    err: '',
  });
  const shown = (await run('get-service', 'cart')).out;
  expect(shown).toMatch(/^service +cart\nstate +serving\nowner +luma-proxy commands\n/);
  expect(shown).toContain(`targets        ${target}\n`);
  expect((await run('list-services')).out).toMatch(/cart +serving +cart\.test, \*\.cart\.test +\/ +no +127/);
  expect((await run('pause', 'cart', '--max-pause', '90s')).out).toBe(
    'cart is paused: requests wait up to 1m30s\n',
  );
  expect((await run('status')).out).toMatch(/cart +cart\.test,\*\.cart\.test +paused/);
  expect((await run('stop', 'cart', '--message', 'Back at nine.')).code).toBe(0);
  expect((await run('get-service', 'cart')).out).toMatch(/state +stopped: Back at nine\./);
  expect((await run('resume', 'cart')).out).toBe('cart serves again\n');
  expect((await run('remove', 'cart', '--host', '*.cart.test')).out).toBe(
    'cart no longer serves *.cart.test, still cart.test\n',
  );
  expect((await run('remove', 'cart')).out).toBe('cart is removed\n');
  expect((await run('get-service', 'cart')).code).toBe(1);
});

test('every command says the same to machines', async () => {
  const json = async (...words: string[]): Promise<unknown> => {
    const { code, out } = await run(...words, '--json');
    expect(code).toBe(0);
    return JSON.parse(out);
  };
  expect(await json('deploy', 'cart', '--host', '*', '--target', target)).toMatchObject({
    service: { name: 'cart', owner: 'client', hosts: [''] },
    replaced: [],
    cut: 0,
  });
  expect(await json('pause', 'cart')).toMatchObject({ traffic: 'paused' });
  expect(await json('stop', 'cart')).toMatchObject({ traffic: 'stopped' });
  expect(await json('resume', 'cart')).toMatchObject({ traffic: 'forward', gate: 'open' });
  expect(await json('get-service', 'cart')).toMatchObject({ name: 'cart' });
  expect(await json('list-services')).toMatchObject([{ name: 'theirs' }, { name: 'shop' }, {}]);
  expect(await json('set-global-option')).toMatchObject({ drain_timeout_ms: 30_000 });
  expect(await json('remove', 'cart')).toEqual({ service: null, cut: 0 });
  const refused = await run('get-service', 'cart', '--json');
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(JSON.parse(refused.err)).toMatchObject({ error: { code: 'service_not_found' } });
});

const commands: readonly (readonly string[])[] = [
  ['deploy', 'shop', '--host', 'shop.test', '--target', '127.0.0.1:1'],
  ['remove', 'shop'],
  ['get-service', 'shop'],
  ['list-services'],
  ['pause', 'shop'],
  ['resume', 'shop'],
  ['stop', 'shop'],
  ['set-global-option', '--max-pause', '1s'],
  ['rollout', 'deploy', 'shop', '--target', '127.0.0.1:1'],
  ['rollout', 'set', 'shop', '--percent', '10'],
  ['rollout', 'stop', 'shop'],
  ['certificates'],
  ['certificates', 'renew', 'shop.test'],
  ['status'],
];

describe.each(commands.map((words) => [words.slice(0, 2).join(' '), words] as const))(
  '%s',
  (_name, words) => {
    test('without a daemon is exit code 3 and says how to start one', async () => {
      const path = join(proxy.dir, 'nothing.sock');
      expect(await run(...words, '--socket-path', path)).toEqual({
        code: 3,
        out: '',
        err: `error: no luma-proxy answers on ${path}\nhint: start it with: luma-proxy run, or name its socket with --socket-path\n`,
      });
    });

    test('on a file that is no socket says so', async () => {
      const path = join(proxy.dir, 'file');
      writeFileSync(path, '');
      const { code, err } = await run(...words, '--socket-path', path);
      expect([code, err.split('\n')[0]]).toEqual([3, `error: ${path} is no socket`]);
    });

    test('on a socket of something else says so', async () => {
      const path = join(proxy.dir, 'other.sock');
      const other = createServer((socket) => socket.end('220 mail ready\r\n')).listen(path);
      try {
        const { code, err } = await run(...words, '--socket-path', path);
        expect(code).toBe(3);
        expect(err).toMatch(/^error: .*\nhint: /);
      } finally {
        other.close();
      }
    });

    test.skipIf(!isRoot)('without permission says whose word is needed', async () => {
      // The way to the socket is open, as it is under /run; the program must be readable where it lies.
      chmodSync(proxy.dir, 0o755);
      const dir = mkdtempSync(join(tmpdir(), 'luma-nobody-'));
      chmodSync(dir, 0o755);
      try {
        const bundle = join(dir, 'luma-proxy.js');
        const built = Bun.spawnSync([process.execPath, 'build', '--target=bun', ENTRY, '--outfile', bundle]);
        expect(built.exitCode).toBe(0);
        chmodSync(bundle, 0o644);
        const as = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, bundle];
        const child = Bun.spawnSync([...as, ...words, '--socket-path', proxy.socketPath], { cwd: '/' });
        expect([child.exitCode, child.stderr.toString()]).toEqual([
          3,
          `error: you may not use the management socket ${proxy.socketPath}\n` +
            'hint: run this command as the user that luma-proxy runs as, or as root\n',
        ]);
      } finally {
        rmSync(dir, { recursive: true });
      }
    });
  },
);

describe('a command about', () => {
  const verbs = [
    ['remove'],
    ['get-service'],
    ['pause'],
    ['resume'],
    ['stop'],
    ['remove', '--host', 'x.test'],
  ];
  const rollouts = [
    ['rollout', 'deploy', 'nothing', '--target', '127.0.0.1:1', '--force'],
    ['rollout', 'set', 'nothing', '--percent', '10'],
    ['rollout', 'stop', 'nothing'],
  ];

  test.each(rollouts)('a service that is not there says where to look: %s %s', async (...words) => {
    const { code, err } = await run(...words);
    expect([code, err.split('\n')[0]]).toEqual([1, 'error: luma-proxy has no service nothing']);
  });

  test.each(verbs)('a service that is not there says where to look: %s', async (verb, ...more) => {
    expect(await run(verb, 'nothing', ...more)).toEqual({
      code: 1,
      out: '',
      err: 'error: luma-proxy has no service nothing\nhint: luma-proxy list-services shows those it has\n',
    });
  });

  test.each([['remove'], ['pause'], ['resume'], ['stop']])(
    'a service of a control plane names its owner: %s',
    async (verb) => {
      const { code, err } = await run(verb, 'theirs');
      expect([code, err.split('\n')[0]]).toEqual([
        1,
        'error: the service theirs belongs to the installation inst-a',
      ]);
    },
  );
});

const bad: readonly (readonly [string, readonly string[], number, string])[] = [
  ['no host', ['--target', '127.0.0.1:1'], 2, '--host is missing'],
  ['no target', ['--host', 'x.test'], 2, '--target is missing'],
  ['a host with a port', ['--host', 'x.test:80', '--target', '127.0.0.1:1'], 2, '--host: a host is'],
  [
    'a host taken',
    ['--host', 'shop.test', '--target', '127.0.0.1:1'],
    1,
    'the host shop.test belongs to service shop of a luma-proxy command',
  ],
  [
    'a host of a control plane',
    ['--host', 'theirs.test', '--target', '127.0.0.1:1'],
    1,
    'service theirs of the installation inst-a',
  ],
  [
    'a target without a port',
    ['--host', 'x.test', '--target', '127.0.0.1'],
    2,
    '--target: a target is an address with its port',
  ],
  ['a target with a scheme', ['--host', 'x.test', '--target', 'http://127.0.0.1:1'], 2, '--target: '],
  ['a port that is none', ['--host', 'x.test', '--target', '127.0.0.1:70000'], 2, '--target: '],
  [
    'an unreachable target',
    ['--host', 'x.test', '--target', '127.0.0.1:1', '--deploy-timeout', '200ms'],
    1,
    'last error: connection refused',
  ],
  [
    'a bad duration',
    ['--host', 'x.test', '--target', '127.0.0.1:1', '--deploy-timeout', 'soon'],
    2,
    '--deploy-timeout must be a duration such as 30s',
  ],
  [
    'a bare number',
    ['--host', 'x.test', '--target', '127.0.0.1:1', '--drain-timeout', '30'],
    2,
    '--drain-timeout must be a duration',
  ],
  [
    'no time at all',
    ['--host', 'x.test', '--target', '127.0.0.1:1', '--health-check-interval', '0'],
    2,
    '--health-check-interval: ',
  ],
  [
    'a path that is none',
    ['--host', 'x.test', '--target', '127.0.0.1:1', '--path-prefix', 'api'],
    2,
    '--path-prefix: a path prefix begins with `/`',
  ],
  [
    'a check path that is none',
    ['--host', 'x.test', '--target', '127.0.0.1:1', '--health-check-path', 'up'],
    2,
    '--health-check-path: ',
  ],
  [
    'a check port that is none',
    ['--host', 'x.test', '--target', '127.0.0.1:1', '--health-check-port', '0'],
    2,
    '--health-check-port: ',
  ],
  ['a flag that nobody knows', ['--hosts', 'x.test'], 2, "unknown option '--hosts'"],
];

describe('a deploy of', () => {
  test.each(bad)('%s is refused and changes nothing', async (_what, words, code, message) => {
    const said = await run('deploy', 'new', ...words);
    expect([said.code, said.out]).toEqual([code, '']);
    expect(said.err).toContain(message);
    expect((await proxy.client.listServices()).map(({ name }) => name)).toEqual(['theirs', 'shop']);
  });

  test('a name of a control plane, or one that is no name, is refused', async () => {
    const words = ['--host', 'x.test', '--target', target];
    expect((await run('deploy', 'theirs', ...words)).err).toContain('belongs to the installation inst-a');
    expect(await run('deploy', 'a b', ...words)).toMatchObject({ code: 2 });
  });

  test('the proxy itself as a target is refused', async () => {
    const own = `127.0.0.1:${proxy.port}`;
    const { code, err } = await run('deploy', 'new', '--host', 'x.test', '--target', own);
    expect([code, err]).toEqual([
      1,
      `error: ${own} is luma-proxy itself\nhint: name the address that the app listens on\n`,
    ]);
  });
});

test('run on a port that somebody has says whose and what to do', async () => {
  const words = ['run', '--http-host', '127.0.0.1', '--http-port', String(app.port), '--https-port', 'none'];
  const { code, err } = await run(
    ...words,
    '--socket-path',
    join(proxy.dir, 'second.sock'),
    '--state-dir',
    join(proxy.dir, 'second'),
  );
  expect(code).toBe(1);
  expect(err).toContain(`port ${app.port} on 127.0.0.1 is held by another process`);
  expect(err).toMatch(/hint: .*--http-port/);
});

describe('run', () => {
  const wrong: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      'a port that somebody has, for HTTPS',
      ['--https-port', 'TAKEN'],
      1,
      /port TAKEN on 127\.0\.0\.1 is held by another process\nhint: .*--https-port/,
    ],
    [
      'a port that somebody has, for metrics',
      ['--metrics-port', 'TAKEN'],
      1,
      /port TAKEN on 127\.0\.0\.1 is held by another process\nhint: .*--metrics-port/,
    ],
    [
      'one port for two things',
      ['--http-port', '8123', '--https-port', '8123'],
      2,
      /--http-port and --https-port are both 8123\nhint: /,
    ],
    [
      'a port that is none',
      ['--http-port', '70000'],
      2,
      /must be a whole number from 0 to 65535, not "70000"/,
    ],
    ['a duration that is none', ['--shutdown-timeout', 'soon'], 2, /must be a duration such as 30s/],
    [
      'a certificate that is not there',
      ['--tls-default-certificate-path', '/nowhere.pem', '--tls-default-private-key-path', '/nowhere.key'],
      1,
      /cannot read the certificate \/nowhere\.pem: .*\nhint: .*--tls-default-certificate-path/,
    ],
    [
      'a certificate without its key',
      ['--tls-default-certificate-path', '/nowhere.pem'],
      2,
      /--tls-default-private-key-path is missing\nhint: /,
    ],
    [
      'a CA file that is not there',
      ['--acme-ca-file', '/nowhere.pem'],
      1,
      /--acme-ca-file: \/nowhere\.pem cannot be used: .*\nhint: name a file/,
    ],
    [
      'a directory of a CA that is no address',
      ['--acme-directory', 'nope'],
      2,
      /must be an address that begins with https/,
    ],
    [
      'the socket of another daemon',
      ['--socket-path', 'THEIRS'],
      1,
      /another luma-proxy answers on THEIRS\nhint: /,
    ],
    ['a flag that nobody knows', ['--bogus'], 2, /unknown option '--bogus'\nhint: /],
  ];

  test.each(wrong)('with %s says what to do', async (_what, words, code, message) => {
    const named = (text: string): string =>
      text.replace('TAKEN', String(app.port)).replace('THEIRS', proxy.socketPath);
    const own = ['--http-host', '127.0.0.1', '--http-port', '0', '--https-port', 'none'];
    own.push('--socket-path', join(proxy.dir, 'own.sock'), '--state-dir', join(proxy.dir, 'own'));
    const said = await run('run', ...own, ...words.map(named));
    expect([said.code, said.err]).toEqual([code, expect.stringMatching(new RegExp(named(message.source)))]);
  });
});

describe('a certificate of its own', () => {
  const pems = (name: string, hosts: readonly string[]): [string, string] => {
    const { certificatePem, privateKeyPem } = makeCertificate(hosts);
    const [certificate, key] = [join(proxy.dir, `${name}.crt`), join(proxy.dir, `${name}.key`)];
    writeFileSync(certificate, certificatePem);
    writeFileSync(key, privateKeyPem);
    return [certificate, key];
  };
  const deploy = (certificate: string, key: string) => {
    const words = ['deploy', 'new', '--host', 'x.test', '--target', target, '--ssl'];
    return run(...words, '--tls-certificate-path', certificate, '--tls-private-key-path', key);
  };

  test('that is missing, unreadable, another’s, or for other hosts is refused with what to do', async () => {
    const [certificate, key] = pems('x', ['x.test']);
    const [otherCertificate, otherKey] = pems('y', ['y.test']);
    const nowhere = join(proxy.dir, 'nowhere.pem');
    const junk = join(proxy.dir, 'junk.pem');
    writeFileSync(junk, 'junk');
    const cases: readonly (readonly [string, string, string])[] = [
      [nowhere, key, `cannot read the certificate ${nowhere}: ENOENT`],
      [certificate, nowhere, `cannot read the private key ${nowhere}: ENOENT`],
      [proxy.dir, key, `cannot read the certificate ${proxy.dir}: EISDIR`],
      [junk, key, `${junk} is no certificate that can be used`],
      [certificate, junk, `${junk} is no private key that can be used`],
      [certificate, otherKey, `${otherKey} is not the key of ${certificate}`],
      [otherCertificate, otherKey, `${otherCertificate} is good for y.test, not for x.test`],
    ];
    for (const [crt, pem, message] of cases) {
      const { code, out, err } = await deploy(crt, pem);
      expect([code, out]).toEqual([1, '']);
      expect(err).toContain(message);
      expect(err).toMatch(/\nhint: \S/);
    }
    expect((await proxy.client.listServices()).map(({ name }) => name)).toEqual(['theirs', 'shop']);
  });
});

test('certificates says where a host would come from, and groups name their commands', async () => {
  expect(await run('certificates')).toMatchObject({ code: 0, out: expect.stringContaining('deploy --ssl') });
  const unknown = await run('certificates', 'renew', 'nobody.test');
  expect([unknown.code, unknown.err]).toEqual([
    1,
    expect.stringMatching(/no certificate for nobody\.test\nhint: /),
  ]);
  const stray = await run('certificates', 'bogus');
  expect([stray.code, stray.err]).toEqual([
    2,
    'error: certificates has no command "bogus"\nhint: it has: list, renew\n',
  ]);
  const group = await run('rollout');
  expect(group.code).toBe(2);
  expect(group.err).toContain('Commands:');
  expect(group.err).not.toContain('error:');
});

test('version tells the daemon’s, or that there is none', async () => {
  expect((await run('version')).out).toMatch(/^luma-proxy \S+\ndaemon +\S+\n$/);
  const alone = await run('version', '--socket-path', join(proxy.dir, 'nothing.sock'));
  expect([alone.code, alone.out]).toEqual([0, expect.stringContaining('not running')]);
});

test('a host or a service that is taken is freed by the command that the hint names', async () => {
  const words = ['--target', target];
  expect((await run('deploy', 'new', '--host', 'shop.test', ...words)).err).toContain(
    'free this one with: luma-proxy remove shop --host shop.test',
  );
  expect((await run('deploy', 'new', '--host', 'theirs.test', ...words)).err).toContain(
    'luma projects remove theirs',
  );
  expect((await run('pause', 'theirs')).err).toContain('hint: a project is changed where it was registered');
});

describe('the management socket', () => {
  const ask = async (
    method: string,
    path: string,
    body: string,
  ): Promise<[number, string | null, unknown]> => {
    const response = await fetch(`http://luma-proxy${path}`, { unix: proxy.socketPath, method, body });
    return [response.status, response.headers.get('content-type'), await response.json()];
  };
  const problem = 'application/problem+json';

  test('answers curl with problem documents that name the field', async () => {
    const body = JSON.stringify({ hosts: ['x.test'], targets: ['nowhere'], colour: 'red' });
    expect(await ask('PUT', '/v1/services/x', body)).toMatchObject([
      422,
      problem,
      { type: 'about:blank', status: 422, code: 'command_invalid', errors: [{ field: 'targets.0' }, {}] },
    ]);
    expect(await ask('PUT', '/v1/services/x', '{')).toMatchObject([
      422,
      problem,
      { code: 'command_invalid' },
    ]);
    expect(await ask('DELETE', '/v1/services/x', '')).toMatchObject([
      404,
      problem,
      { code: 'service_not_found' },
    ]);
    expect(await ask('POST', '/v1/services/theirs/stop', '')).toMatchObject([
      409,
      problem,
      { code: 'service_taken', details: { owner: 'the installation inst-a' } },
    ]);
  });

  test('takes a deploy from curl', async () => {
    const body = JSON.stringify({ hosts: ['curl.test'], targets: [target] });
    expect(await ask('PUT', '/v1/services/curl', body)).toMatchObject([
      200,
      'application/json;charset=utf-8',
      { service: { name: 'curl' } },
    ]);
    expect((await proxy.get('curl.test')).status).toBe(200);
    expect(await ask('DELETE', '/v1/services/curl', '')).toMatchObject([
      200,
      expect.anything(),
      { service: null },
    ]);
  });
});
