/** A gRPC app behind luma-proxy as a person brings it there: `deploy --target-protocol h2c`, and worker processes. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { callArguments, type GrpcServer, grpcClient, grpcServer } from '../edge/grpc.fixture.ts';
import { ProxyFixture } from './proxy-fixture.ts';

const ENTRY = join(import.meta.dir, '../../../src/bin/luma-proxy.ts');

let proxy: ProxyFixture;
let server: GrpcServer;
beforeAll(async () => {
  proxy = new ProxyFixture();
  server = await grpcServer();
  await proxy.start({ workers: 1 });
});
afterAll(async () => {
  server.close();
  await proxy.dispose();
});

async function run(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([process.execPath, ENTRY, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', LUMA_PROXY_SOCKET_PATH: proxy.socketPath },
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

test('calls reach an app that was deployed with the protocol h2c', async () => {
  const deploy = ['deploy', 'echo', '--host', 'grpc.test', '--target', `127.0.0.1:${server.port}`];
  expect(await run(...deploy, '--target-protocol', 'h2c')).toMatchObject({ code: 0, err: '' });
  expect((await run('get-service', 'echo')).out).toContain('HTTP/2 (h2c)');
  const client = grpcClient(proxy.port, 'grpc.test');
  const metadata = new Metadata();
  metadata.set('x-who', 'me');
  const text = await new Promise((resolve, reject) => {
    client.makeUnaryRequest(...callArguments('once'), { text: 'hello' }, metadata, (error, reply) =>
      error === null ? resolve(reply?.text) : reject(error),
    );
  });
  client.close();
  expect(text).toBe('hello of me');
});

test('what h2c cannot do is said at the deploy', async () => {
  const deploy = ['deploy', 'other', '--host', 'other.test', '--target', `127.0.0.1:${server.port}`];
  const unknown = await run(...deploy, '--target-protocol', 'h3');
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('must be http1 or h2c, not "h3"')]);
  const checked = await run(...deploy, '--target-protocol', 'h2c', '--health-check-path', '/up');
  expect(checked.code).not.toBe(0);
  expect(checked.err).toContain('asked by HTTP/1.1');
});
