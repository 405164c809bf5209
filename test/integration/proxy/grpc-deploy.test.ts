/** A gRPC app behind luma-proxy as a person brings it there: `deploy --target-protocol h2c`, and worker processes. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Metadata } from '@grpc/grpc-js';
import { callArguments, type GrpcServer, grpcClient, grpcServer } from '../edge/grpc.fixture.ts';
import { ProxyFixture, type Said } from './proxy-fixture.ts';

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

const run = (...words: string[]): Promise<Said> => proxy.run(...words);

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
