/** gRPC as @grpc/grpc-js speaks it, client and server, with the edge between them. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { EdgeFixture, eventually } from '../../../src/edge/exchange/edge.fixture.ts';
import { callArguments, type GrpcServer, grpcClient, grpcServer, type Message } from './grpc.fixture.ts';

let fixture: EdgeFixture;
let server: GrpcServer;
let client: ReturnType<typeof grpcClient>;

beforeEach(async () => {
  fixture = new EdgeFixture();
  server = await grpcServer();
  fixture.serve([server.port], { targetProtocol: 'h2c' });
  client = grpcClient(fixture.port, 'app.test');
});

afterEach(async () => {
  client.close();
  await eventually(() => fixture.totals(1).inFlight === 0 && fixture.totals(2).inFlight === 0);
  expect(fixture.edge.stats().exchanges).toBe(0);
  expect(fixture.bugs).toEqual([]);
  fixture.close();
  server.close();
});

interface Reply {
  readonly error: ServiceError | null;
  readonly reply: Message | undefined;
  readonly trailers: Metadata | null;
}

function once(text: string, deadline: number = Date.now() + 5_000): Promise<Reply> {
  const metadata = new Metadata();
  metadata.set('x-who', 'me');
  return new Promise((resolve) => {
    let trailers: Metadata | null = null;
    const call = client.makeUnaryRequest(
      ...callArguments('once'),
      { text },
      metadata,
      { deadline },
      (error, reply) => setImmediate(() => resolve({ error, reply, trailers })),
    );
    call.on('status', ({ metadata: came }) => {
      trailers = came;
    });
  });
}

test('a call has its answer, and its trailers', async () => {
  const { error, reply, trailers } = await once('hello');
  expect([error, reply?.text]).toEqual([null, 'hello of me']);
  expect(trailers?.get('x-trailer')).toEqual(['at the end']);
  expect(fixture.totals(1)).toEqual({ inFlight: 0, held: 0, ends: 1 });
});

test('a call that fails says why', async () => {
  const { error } = await once('fail');
  expect([error?.code, error?.details]).toEqual([status.FAILED_PRECONDITION, 'not now: ä']);
  expect(error?.metadata.get('x-trailer')).toEqual(['at the end']);
});

test('a deadline ends the call on both sides', async () => {
  const { error } = await once('never', Date.now() + 200);
  expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  await eventually(() => server.cancelled.includes('never'));
});

test('a stream of requests has one answer', async () => {
  const reply = await new Promise<string | undefined>((resolve, reject) => {
    const call = client.makeClientStreamRequest(...callArguments('gather'), (error, message) =>
      error === null ? resolve(message?.text) : reject(error),
    );
    for (let index = 0; index < 2_000; index++) call.write({ text: `${index} `.padStart(50) });
    call.end();
  });
  expect(reply?.split(/ +/).filter(Boolean)).toEqual(Array.from({ length: 2_000 }, (_, index) => `${index}`));
});

test('one request has a stream of answers, all of them and in order', async () => {
  const call = client.makeServerStreamRequest(...callArguments('count'), { text: 'n', count: 5_000 });
  const texts: string[] = [];
  for await (const message of call as AsyncIterable<Message>) texts.push(message.text);
  expect(texts).toEqual(Array.from({ length: 5_000 }, (_, index) => `n ${index}`));
});

test('both sides talk by turns', async () => {
  const call = client.makeBidiStreamRequest(...callArguments('talk'));
  const heard: string[] = [];
  const isOver = new Promise<number>((resolve) => call.on('status', ({ code }) => resolve(code)));
  call.on('data', (message: Message) => {
    heard.push(message.text);
    if (heard.length < 50) call.write({ text: `${heard.length}` });
    else call.end();
  });
  call.write({ text: '0' });
  expect(await isOver).toBe(status.OK);
  expect(heard).toEqual(Array.from({ length: 50 }, (_, index) => `you said ${index}`));
});

test('a stream that is cancelled is cancelled at the server', async () => {
  const call = client.makeServerStreamRequest(...callArguments('count'), { text: 'for ever', count: 3 });
  const code = new Promise<number>((resolve) =>
    call.on('error', (error: ServiceError) => resolve(error.code)),
  );
  let seen = 0;
  call.on('data', () => {
    if (++seen === 3) call.cancel();
  });
  expect(await code).toBe(status.CANCELLED);
  await eventually(() => server.cancelled.includes('for ever'));
});

test('a hundred calls at once share the connections to the target', async () => {
  const replies = await Promise.all(Array.from({ length: 100 }, (_, index) => once(`call ${index}`)));
  expect(replies.map(({ reply }) => reply?.text)).toEqual(replies.map((_, index) => `call ${index} of me`));
  expect(fixture.edge.stats().idleUpstream).toBe(1);
});

test('a call for a sleeping service waits for it', async () => {
  fixture.shut();
  const reply = once('hello');
  await eventually(() => fixture.wakes.length === 1);
  expect(fixture.edge.stats().idleUpstream).toBe(0);
  fixture.open();
  expect((await reply).reply?.text).toBe('hello of me');
});

test('no session with a target outlives a fence', async () => {
  await once('hello');
  expect(fixture.edge.stats().idleUpstream).toBe(1);
  fixture.shut();
  expect(fixture.edge.stats().idleUpstream).toBe(0);
  fixture.open();
});

test('the edge speaks gRPC where it answers itself', async () => {
  fixture.put({ traffic: 'stopped', targetProtocol: 'h2c' });
  const { error } = await once('hello');
  expect([error?.code, error?.details]).toEqual([status.UNAVAILABLE, 'This service has been stopped.']);
  expect(error?.metadata.get('x-luma-error')).toEqual(['service_stopped']);
});

test('a target that is reached by HTTP/1.1 is no gRPC server, and the client hears what to do', async () => {
  fixture.serve([server.port], { targetProtocol: 'http1' });
  const { error } = await once('hello');
  expect(error?.code).toBe(status.UNAVAILABLE);
  expect(error?.details).toContain('deploy it with the target protocol h2c');
});

test('a server that goes away in the middle of a call ends it', async () => {
  const call = client.makeServerStreamRequest(...callArguments('count'), { text: 'for ever', count: 1 });
  const code = new Promise<number>((resolve) =>
    call.on('error', (error: ServiceError) => resolve(error.code)),
  );
  call.once('data', () => server.close());
  expect([status.UNAVAILABLE, status.INTERNAL, status.UNKNOWN, status.CANCELLED]).toContain(await code);
});
