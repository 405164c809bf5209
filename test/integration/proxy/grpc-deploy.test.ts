/** A gRPC app behind luma-proxy as a person brings it there: `deploy --target-protocol h2c`, and worker processes. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { makeCertificate } from '../../../src/base/certificate.fixture.ts';
import {
  callArguments,
  type GrpcServer,
  grpcClient,
  grpcServer,
  type Message,
} from '../edge/grpc.fixture.ts';
import { App, ProxyFixture, type Said } from './proxy-fixture.ts';

let proxy: ProxyFixture;
let server: GrpcServer;
beforeAll(async () => {
  proxy = new ProxyFixture();
  server = await grpcServer();
  await proxy.start({ workers: 1, httpsPort: 0 });
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

test('calls over TLS choose HTTP/2 by ALPN and reach the app: one answer, many, and by turns', async () => {
  const pems = makeCertificate(['safe.test']);
  const [certificate, key] = ['safe.crt', 'safe.key'].map((name) => join(proxy.dir, name)) as [
    string,
    string,
  ];
  writeFileSync(certificate, pems.certificatePem);
  writeFileSync(key, pems.privateKeyPem);
  const deploy = ['deploy', 'safe', '--host', 'safe.test', '--target', `127.0.0.1:${server.port}`];
  deploy.push('--target-protocol', 'h2c', '--ssl');
  deploy.push('--tls-certificate-path', certificate, '--tls-private-key-path', key);
  expect(await run(...deploy)).toMatchObject({ code: 0 });
  const client = grpcClient(
    proxy.httpsPort,
    'safe.test',
    credentials.createSsl(Buffer.from(pems.certificatePem)),
  );
  try {
    const metadata = new Metadata();
    metadata.set('x-who', 'me');
    const text = await new Promise((resolve, reject) => {
      client.makeUnaryRequest(...callArguments('once'), { text: 'hello' }, metadata, (error, reply) =>
        error === null ? resolve(reply?.text) : reject(error),
      );
    });
    expect(text).toBe('hello of me');
    const many = client.makeServerStreamRequest(...callArguments('count'), { text: 'n', count: 1_000 });
    let count = 0;
    for await (const message of many as AsyncIterable<Message>) {
      expect(message.text).toBe(`n ${count}`);
      count += 1;
    }
    expect(count).toBe(1_000);
    const talk = client.makeBidiStreamRequest(...callArguments('talk'));
    const heard: string[] = [];
    const code = new Promise<number>((resolve) => talk.on('status', (said) => resolve(said.code)));
    talk.on('data', (message: Message) => {
      heard.push(message.text);
      if (heard.length < 20) talk.write({ text: String(heard.length) });
      else talk.end();
    });
    talk.write({ text: '0' });
    expect([await code, heard.at(-1)]).toEqual([status.OK, 'you said 19']);
    const gathered = await new Promise<string | undefined>((resolve, reject) => {
      const call = client.makeClientStreamRequest(...callArguments('gather'), (error, reply) =>
        error === null ? resolve(reply?.text) : reject(error),
      );
      for (const text of ['a', 'b', 'c']) call.write({ text });
      call.end();
    });
    expect(gathered).toBe('abc');
  } finally {
    client.close();
  }
}, 20_000);

test('what h2c cannot do is said at the deploy', async () => {
  const deploy = ['deploy', 'other', '--host', 'other.test', '--target', `127.0.0.1:${server.port}`];
  const unknown = await run(...deploy, '--target-protocol', 'h3');
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('must be http1 or h2c, not "h3"')]);
});

/** An app of HTTP/2 without TLS that is not gRPC: 204 at `/up`, 503 at `/ill`. */
async function http2App(): Promise<{ server: Http2Server; asked: string[]; port: number }> {
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(`${request.method} ${request.authority}${request.url}`);
    answer.writeHead(request.url === '/up' ? 204 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, asked, port: (server.address() as AddressInfo).port };
}

test('a health check by path asks such an app in its own protocol', async () => {
  const { server, asked, port } = await http2App();
  const deploy = ['deploy', 'other', '--host', 'other.test', '--target', `127.0.0.1:${port}`];
  deploy.push('--target-protocol', 'h2c', '--deploy-timeout', '300ms', '--health-check-path');
  try {
    const ill = await run(...deploy, '/ill');
    expect([ill.code, ill.err]).toEqual([1, expect.stringContaining('of GET /ill: last status: 503')]);
    expect(await run(...deploy, '/up', '--health-check-host', 'app.test')).toMatchObject({ code: 0 });
    expect(asked.at(-1)).toBe('GET app.test/up');
    expect(asked[0]).toBe(`GET 127.0.0.1:${port}/ill`);
  } finally {
    server.close();
  }
});

test('a target that does not speak HTTP/2 is not healthy there, and the deploy says what it met', async () => {
  const app = new App('one');
  const deploy = ['deploy', 'wrong', '--host', 'wrong.test', '--target', `127.0.0.1:${app.port}`];
  deploy.push('--target-protocol', 'h2c', '--deploy-timeout', '300ms', '--health-check-path', '/');
  try {
    const { code, err } = await run(...deploy);
    expect([code, err]).toEqual([1, expect.stringMatching(/not healthy .* last error: \S/)]);
    // What listens apart for checks is asked in HTTP/1.1.
    const apart = [...deploy, '--health-check-port', String(app.port)];
    apart.splice(apart.indexOf('--target') + 1, 1, `127.0.0.1:${server.port}`);
    expect(await run(...apart)).toMatchObject({ code: 0 });
  } finally {
    await app.stop();
  }
});
