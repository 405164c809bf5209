/** The image of luma-proxy on a real engine: built without pulling anything, run, deployed to from inside, asked. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
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
