/** The options of a service and its rollouts, as a person gives them to a real daemon: right, and wrong in every way. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, ProxyFixture, type Said } from './proxy-fixture.ts';

let proxy: ProxyFixture;
let one: App;
let two: App;
let pages: string;

beforeAll(async () => {
  proxy = new ProxyFixture();
  one = new App('one');
  two = new App('two');
  pages = join(proxy.dir, 'pages');
  mkdirSync(pages);
  writeFileSync(join(pages, '503.html'), '<h1>{{ .Message }}</h1>');
  await proxy.start({ workers: 2 });
});
afterAll(async () => {
  await Promise.all([one.stop(), two.stop()]);
  await proxy.dispose();
});

const run = (...words: string[]): Promise<Said> => proxy.run(...words);

const at = (app: App): string => `127.0.0.1:${app.port}`;
const deploy = (...more: string[]) =>
  run('deploy', 'shop', '--host', 'shop.test', '--target', at(one), ...more);

async function share(cookie = ''): Promise<string> {
  const answer = await proxy.get('shop.test', '/', cookie === '' ? {} : { headers: { cookie } });
  return await answer.text();
}

test('with --session-affinity a client comes back to its target, over deploys that keep it and a kill -9', async () => {
  expect(await deploy('--target', at(two), '--session-affinity')).toMatchObject({ code: 0, err: '' });
  expect((await run('get-service', 'shop')).out).toMatch(/sessions +stay with the target they began at/);
  const first = await proxy.get('shop.test');
  const home = await first.text();
  const cookie = String(first.headers.get('set-cookie')).split(';')[0]!;
  expect(cookie).toStartWith('luma_instance=');
  const stays = async (): Promise<void> => {
    for (let turn = 0; turn < 6; turn++) expect(await share(cookie)).toBe(home);
  };
  await stays();
  await deploy('--target', at(two), '--session-affinity', '--forward-headers');
  await stays();
  await proxy.signal('SIGKILL');
  await proxy.start({ workers: 2 });
  await stays();
  const [other, otherApp] = home === 'one' ? ['two', two] : ['one', one];
  await run('deploy', 'shop', '--host', 'shop.test', '--target', at(otherApp), '--session-affinity');
  expect(await share(cookie)).toBe(other);
}, 30_000);

test('everything that was said of a service is shown, survives a kill -9, and is gone with the next deploy', async () => {
  const words = ['--host', 'www.shop.test', '--canonical-host', 'shop.test', '--forward-headers'];
  words.push('--client-ip-header', 'CF-Connecting-IP', '--max-request-body', '10MB', '--buffer-requests');
  words.push('--buffer-responses', '--error-pages', 'pages', '--exclude-metrics-path', '/up');
  words.push('--ssl', '--no-ssl-redirect', '--hsts', '365d', '--tls-staging');
  expect(await deploy(...words)).toMatchObject({ code: 0, err: expect.not.stringContaining('error') });
  const shown = (await run('get-service', 'shop')).out;
  for (const line of [
    /HTTPS +HTTP is served, too, HSTS for 365d, staging certificates/,
    /canonical host +shop\.test/,
    /X-Forwarded-\* +appended/,
    /client address +in cf-connecting-ip, of trusted proxies/,
    /request body +up to 10MB/,
    /buffered +requests and responses/,
    /error pages +\S+\.json/,
    /no metrics of +\/up/,
  ])
    expect(shown).toMatch(line);
  expect((await run('list-services')).out).toMatch(/shop +serving +shop\.test, www\.shop\.test +\/ +yes/);
  const before = (await proxy.client.getService('shop')).deployment;
  await proxy.signal('SIGKILL');
  await proxy.start({ workers: 2 });
  expect((await proxy.client.getService('shop')).deployment).toEqual(before);
  await deploy();
  expect((await proxy.client.getService('shop')).deployment).toMatchObject({
    tls: null,
    canonical_host: null,
    error_pages: null,
    max_request_body_bytes: 0,
  });
}, 30_000);

test('error pages are as they were when they were deployed, whatever becomes of their directory', async () => {
  await deploy('--error-pages', pages);
  writeFileSync(join(pages, '503.html'), 'changed');
  await run('stop', 'shop', '--message', 'Back at <nine>');
  expect(await share()).toBe('<h1>Back at &lt;nine&gt;</h1>');
  writeFileSync(join(pages, '503.html'), '<h1>{{ .Message }}</h1>');
  await run('resume', 'shop');
});

test('a canonical host redirects, a body beyond the limit is refused', async () => {
  await deploy('--host', 'www.shop.test', '--canonical-host', 'shop.test', '--max-request-body', '10');
  const redirected = await proxy.get('www.shop.test', '/a?b', { redirect: 'manual' });
  expect([redirected.status, redirected.headers.get('location')]).toEqual([308, 'http://shop.test/a?b']);
  const refused = await proxy.get('shop.test', '/', { method: 'POST', body: '01234567890' });
  expect(refused.status).toBe(413);
});

describe('a rollout', () => {
  test('has nobody, then its share, then who is on its list, and then goes', async () => {
    await deploy();
    expect(await run('rollout', 'deploy', 'shop', '--target', at(two))).toMatchObject({
      code: 0,
      out: `shop has a rollout at ${at(two)}\nnobody is sent there yet: luma-proxy rollout set shop --percent 10\n`,
    });
    for (let request = 0; request < 20; request++) expect(await share()).toBe('one');
    expect((await run('rollout', 'set', 'shop', '--percent', '30')).out).toBe(
      `shop sends 30% of its users to ${at(two)} (by the cookie luma-rollout)\n`,
    );
    let count = 0;
    for (let user = 0; user < 200; user++) {
      const side = await share(`luma-rollout=user-${user}`);
      if (side === 'two') count++;
      // Whichever worker answers, and however often.
      if (user < 20) expect(await share(`luma-rollout=user-${user}`)).toBe(side);
    }
    expect(Math.abs(count - 60)).toBeLessThan(25);
    await run('rollout', 'set', 'shop', '--percent', '0', '--list', 'ada');
    expect(await share('luma-rollout=ada')).toBe('two');
    expect(await share('luma-rollout=bob')).toBe('one');
    expect((await run('get-service', 'shop')).out).toMatch(/rollout +0% of its users and 1 named to /);
    expect((await run('rollout', 'set', 'shop', '--list', '')).code).toBe(0);
    expect(await share('luma-rollout=ada')).toBe('one');
    expect((await run('rollout', 'stop', 'shop')).out).toBe(
      `shop has no rollout any more\ndrained ${at(two)}\n`,
    );
    expect((await proxy.client.getService('shop')).targets).toHaveLength(1);
  }, 30_000);

  test('goes on over a deploy of its service, and its target may become the service’s own', async () => {
    await deploy();
    await run('rollout', 'deploy', 'shop', '--target', at(two));
    await run('rollout', 'set', 'shop', '--percent', '100', '--cookie', 'kamal-rollout');
    await deploy();
    expect(await share()).toBe('two');
    const words = ['--host', 'shop.test', '--target', at(two)];
    expect((await run('deploy', 'shop', ...words)).code).toBe(0);
    expect((await run('rollout', 'stop', 'shop')).code).toBe(0);
    expect(await share()).toBe('two');
    await deploy();
  }, 20_000);

  test('whose target is ill leaves everything as it was', async () => {
    await deploy();
    const ill = await run(
      'rollout',
      'deploy',
      'shop',
      '--target',
      '127.0.0.1:1',
      '--deploy-timeout',
      '200ms',
    );
    expect([ill.code, ill.err]).toEqual([1, expect.stringContaining('127.0.0.1:1')]);
    expect((await proxy.client.getService('shop')).deployment?.rollout).toBeNull();
  });
});

const bad: readonly (readonly [readonly string[], number, string])[] = [
  [
    ['--canonical-host', 'other.test'],
    2,
    '--canonical-host: other.test is none of the hosts of the service: add --host',
  ],
  [
    ['--client-ip-header', 'a b'],
    2,
    '--client-ip-header: the name of a header, such as CF-Connecting-IP, not "a b"',
  ],
  [
    ['--max-request-body', '10 apples'],
    2,
    '--max-request-body must be a size such as 10MB or 1048576, not "10 apples"',
  ],
  [['--exclude-metrics-path', 'up'], 2, '--exclude-metrics-path: a path prefix begins with `/`, not "up"'],
  [
    ['--error-pages', '/nowhere/at/all'],
    1,
    'cannot use the error pages of /nowhere/at/all: it cannot be read',
  ],
  [['--error-pages', '/proc/self/net'], 1, 'it has no page: they are named 404.html, 503.html, 5xx.html'],
  [['--tls-staging'], 2, '--tls-staging has no meaning without --ssl'],
  [['--no-ssl-redirect'], 2, '--ssl-redirect has no meaning without --ssl'],
  [['--ssl', '--hsts', 'long'], 2, '--hsts must be a duration'],
  [
    ['--ssl', '--tls-on-demand-url', 'ask.test'],
    2,
    '--tls-on-demand-url: an address that begins with http:// or https://, not "ask.test"',
  ],
  [['--ssl', '--host', '*'], 2, '--ssl: no certificate can be ordered for every host'],
  [['--health-check-host', 'a b'], 2, '--health-check-host: a health check host is a host name, not "a b"'],
];

test.each(bad)('a deploy with %s is refused in words', async (words, code, message) => {
  const said = await deploy(...words);
  expect([said.code, said.out]).toEqual([code, '']);
  expect(said.err).toContain(message);
});

const badRollouts: readonly (readonly [readonly string[], number, string])[] = [
  [['deploy', 'shop'], 2, '--target is missing'],
  [['deploy', 'shop', '--target', 'nowhere'], 2, '--target: a target is an address with its port'],
  [['set', 'shop'], 2, 'nothing is said of the rollout'],
  [['set', 'shop', '--percent', '101'], 2, '--percent must be a number from 0 to 100, not "101"'],
  [['set', 'shop', '--percent', 'half'], 2, '--percent must be a number from 0 to 100, not "half"'],
  [['set', 'shop', '--percent', '10', '--cookie', 'a b'], 2, '--cookie: a cookie name has'],
  [['set', 'shop', '--percent', '10'], 1, 'the service shop has no rollout'],
  [['stop', 'shop'], 1, 'begin one with: luma-proxy rollout deploy shop --target'],
];

test.each(badRollouts)('rollout %s is refused in words', async (words, code, message) => {
  const said = await run('rollout', ...words);
  expect([said.code, said.out]).toEqual([code, '']);
  expect(said.err).toContain(message);
});

test('an e-mail address for the CA is kept, and one that is none is refused', async () => {
  expect((await run('set-global-option', '--lets-encrypt-email', 'nobody')).err).toContain(
    '--lets-encrypt-email: an e-mail address, such as ops@example.com, not "nobody"',
  );
  const set = await run('set-global-option', '--lets-encrypt-email', 'ops@example.com', '--json');
  expect(JSON.parse(set.out)).toMatchObject({ lets_encrypt_email: 'ops@example.com' });
  expect((await run('set-global-option')).out).toMatch(/lets-encrypt-email +ops@example\.com/);
});

test('a shell is offered commands, options and services', async () => {
  const offered = async (...words: string[]): Promise<string[]> =>
    (await run('complete', '--', words.join('\u001f'))).out.trim().split('\n');
  expect(await offered('rollout', '')).toEqual(['deploy', 'set', 'stop']);
  expect(await offered('deploy', 'shop', '--buf')).toEqual(['--buffer-requests', '--buffer-responses']);
  expect(await offered('pause', '')).toEqual(['shop']);
  expect((await run('completion', 'bash')).out).toContain('complete -o default -F _luma_proxy luma-proxy');
  expect((await run('completion', 'tcsh')).code).toBe(2);
});
