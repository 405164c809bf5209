/** The image of luma-proxy on a real engine: built without pulling anything, run, deployed to from inside, asked. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type TestEngine, withEngine } from '../../engine/engine.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dir, '../../..');
const PATIENCE_MS = 120_000;

let engine: TestEngine;
beforeAll(async () => {
  engine = await withEngine({ isPrivate: true });
}, PATIENCE_MS);
afterAll(() => engine.stop(), PATIENCE_MS);

async function run(command: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, DOCKER_HOST: engine.dockerHost, DOCKER_BUILDKIT: '0' };
  const child = Bun.spawn([...command], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}

async function docker(...words: string[]): Promise<string> {
  const { code, out, err } = await run(['docker', ...words]);
  if (code !== 0) throw new Error(`docker ${words.join(' ')} ended with ${code}: ${err}`);
  return out.trim();
}

const addressOf = (id: string): Promise<string> =>
  docker('inspect', '--format', '{{.NetworkSettings.IPAddress}}', id);

test(
  'is built from local files, runs workers, is deployed to by docker exec, and stops in order',
  async () => {
    const built = await run([process.execPath, 'scripts/build-proxy-image.ts', '--tag', 'luma-proxy-test']);
    expect([built.code, built.out.trim()]).toEqual([
      0,
      expect.stringContaining('luma-proxy-test is built on'),
    ]);
    const app = await docker('run', '--detach', 'luma-test/busybox');
    const socket = '/run/luma-proxy/management.sock';
    const words = ['run', '--workers', '2', '--socket-path', socket, '--state-dir', '/etc/luma-proxy'];
    const proxy = await docker('run', '--detach', 'luma-proxy-test', ...words);
    const inside = (...more: string[]) => run(['docker', 'exec', proxy, './luma-proxy', ...more]);
    await until('the proxy to serve', async () => (await inside('status')).code === 0 || undefined);
    const status = JSON.parse((await inside('status', '--json')).out);
    expect(status.workers.map(({ state }: { state: string }) => state)).toEqual(['serving', 'serving']);

    const target = `${await addressOf(app)}:8080`;
    const deployed = await inside('deploy', 'shop', '--host', 'shop.test', '--target', target);
    expect(deployed).toMatchObject({ code: 0, out: `shop serves shop.test from ${target}\n` });
    const answer = await fetch(`http://${await addressOf(proxy)}/`, { headers: { host: 'shop.test' } });
    expect([answer.status, (await answer.text()).trim()]).toEqual([200, 'hello']);

    const nowhere = await inside(
      'deploy',
      'shop',
      '--host',
      'shop.test',
      '--target',
      '127.0.0.1:9',
      '--deploy-timeout',
      '1s',
    );
    expect(nowhere.code).toBe(1);
    await docker('stop', '--time', '20', proxy);
    expect(await docker('inspect', '--format', '{{.State.ExitCode}}', proxy)).toBe('0');
  },
  PATIENCE_MS,
);

interface ComposeService {
  readonly network_mode: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly stop_grace_period: string;
}

/** `${NAME:-default}` where nobody has set NAME. */
const withDefaults = (text: string): string => text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');

/** What `docker compose up -d` makes of the file, without that plugin. `nofile` is left to the machine's own limit. */
function composeWords(): readonly string[] {
  const compose = parse(readFileSync(join(ROOT, 'deploy/compose.yml'), 'utf8'));
  const service = compose.services['luma-proxy'] as ComposeService;
  const variables = Object.entries(service.environment).flatMap(([name, value]) => [
    '--env',
    `${name}=${withDefaults(value)}`,
  ]);
  const volumes = service.volumes.flatMap((volume) => ['--volume', `luma-compose-${volume}`]);
  const grace = ['--stop-timeout', service.stop_grace_period.replace(/s$/, '')];
  const around = ['--network', service.network_mode, ...variables, ...volumes, ...grace];
  return ['run', '--detach', ...around, 'luma-proxy-test', ...service.command];
}

test(
  'runs as compose.yml says: on the ports of the host, with routes that outlive the container',
  async () => {
    const app = await docker('run', '--detach', 'luma-test/busybox');
    const target = `${await addressOf(app)}:8080`;
    const host = await docker(
      'network',
      'inspect',
      'bridge',
      '--format',
      '{{(index .IPAM.Config 0).Gateway}}',
    );
    const begin = async (): Promise<string> => {
      const proxy = await docker(...composeWords());
      const socket = ['--socket-path', '/run/luma-proxy/management.sock'];
      await until(
        'the proxy to serve',
        async () =>
          (await run(['docker', 'exec', proxy, './luma-proxy', 'status', ...socket])).code === 0 || undefined,
      );
      return proxy;
    };
    const bodyAt = async (): Promise<string> =>
      (
        await (await fetch(`http://${host}/`, { headers: { host: 'shop.test', connection: 'close' } })).text()
      ).trim();
    const first = await begin();
    const deploy = ['deploy', 'shop', '--host', 'shop.test', '--target', target];
    expect(await run(['docker', 'exec', first, './luma-proxy', ...deploy])).toMatchObject({
      code: 0,
      err: '',
    });
    expect(await bodyAt()).toBe('hello');
    await docker('stop', first);
    expect(await docker('inspect', '--format', '{{.State.ExitCode}}', first)).toBe('0');
    await docker('rm', first);
    const second = await begin();
    expect(await bodyAt()).toBe('hello');
    await docker('rm', '--force', second);
  },
  PATIENCE_MS,
);
