import { afterEach, expect, test } from 'bun:test';
import { ConnectionCaps } from './connection-caps.ts';
import { answering, EdgeFixture, eventually, type RawClient } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';

let fixture: EdgeFixture | undefined;
afterEach(() => {
  fixture?.close();
  expect(fixture?.bugs ?? []).toEqual([]);
  expect(fixture?.edge.stats() ?? { clients: 0 }).toMatchObject({ clients: 0 });
  fixture = undefined;
});

test('an address may have so many, and again when one has gone', () => {
  const caps = new ConnectionCaps({ clientConnectionsMax: 9, turnedAwayMax: 1 }, 2);
  const keys = ['203.0.113.9', '203.0.113.9', '203.0.113.8'].map((address) => caps.tryEnter(address));
  expect(keys.includes(null)).toBe(false);
  expect(caps.tryEnter('203.0.113.9')).toBeNull();
  caps.leave(keys[0]!);
  expect(caps.tryEnter('203.0.113.9')).not.toBeNull();
  expect(caps.turnedAway).toEqual({ byTotal: 0, byAddress: 1, byProxyHeader: 0 });
});

test('all of an IPv6 /64 is one address', () => {
  const caps = new ConnectionCaps({ clientConnectionsMax: 9, turnedAwayMax: 1 }, 1);
  expect(caps.tryEnter('2001:db8::1')).not.toBeNull();
  expect(caps.tryEnter('2001:db8::ffff:0:1')).toBeNull();
  expect(caps.tryEnter('2001:db8:0:1::1')).not.toBeNull();
});

test('those that are told that they are too many are bounded, and do not count as open', () => {
  const caps = new ConnectionCaps({ clientConnectionsMax: 2, turnedAwayMax: 1 }, 0);
  expect([caps.mayOpen(2), caps.mayOpen(3), caps.tryLinger(), caps.tryLinger()]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(caps.mayOpen(3)).toBe(true);
  caps.endLinger();
  expect([caps.mayOpen(3), caps.tryLinger()]).toEqual([false, true]);
});

async function served(more: ConstructorParameters<typeof EdgeFixture>[2], limits = {}): Promise<string[]> {
  fixture = new EdgeFixture(limits, undefined, more);
  const seen: string[] = [];
  fixture.serve([await fixture.upstream(answering(OK, seen))]);
  return seen;
}

async function connect(): Promise<RawClient> {
  return await fixture!.client();
}

test('one more from an address than it may have is told so, and others go on', async () => {
  await served({ connectionsPerAddressMax: 1 });
  const first = await connect();
  first.send(GET);
  await first.untilContains('ok');
  const second = await connect();
  expect(await second.untilEnd()).toContain('too_many_from_address');
  first.received = '';
  first.send(GET);
  await first.untilContains('ok');
  first.socket.end();
  await first.untilEnd();
  second.socket.end();
  await eventually(() => fixture?.edge.stats().clients === 0);
  const third = await connect();
  third.send(GET);
  await third.untilContains('ok');
  expect(fixture?.edge.stats().turnedAway).toEqual({ byTotal: 0, byAddress: 1, byProxyHeader: 0 });
});

test('a trusted proxy stands for many clients and may have any number', async () => {
  await served({ connectionsPerAddressMax: 1, trustedProxies: ['127.0.0.1'] });
  for (const client of [await connect(), await connect(), await connect()]) {
    client.send(GET);
    await client.untilContains('ok');
  }
});

test('behind a PROXY listener the cap is that of the clients it names', async () => {
  const trustedProxies = ['127.0.0.1'];
  await served({ connectionsPerAddressMax: 1, trustedProxies, usesProxyProtocol: true });
  const answers: string[] = [];
  for (const address of ['203.0.113.9', '203.0.113.9', '203.0.113.8']) {
    const client = await connect();
    client.send(`PROXY TCP4 ${address} 10.0.0.1 1 80\r\n${GET}`);
    answers.push((await client.untilContains('\r\n')).slice(9, 12));
  }
  expect(answers).toEqual(['200', '503', '200']);
});

test('a flood over the total is closed without a word once enough are being told', async () => {
  await served({}, { clientConnectionsMax: 1, turnedAwayMax: 2, lingerMs: 60_000 });
  await connect();
  await eventually(() => fixture?.edge.stats().clients === 1);
  const over = await Promise.all(Array.from({ length: 6 }, connect));
  await Promise.all(over.map((client) => client.untilEnd()));
  expect(over.filter(({ received }) => received.includes('too_many_connections')).length).toBe(2);
  expect(fixture?.edge.stats()).toMatchObject({ clients: 3, turnedAway: { byTotal: 6 } });
});

test('a flood that is closed at once does not keep the next client out', async () => {
  await served({}, { clientConnectionsMax: 1, turnedAwayMax: 0 });
  const first = await connect();
  await eventually(() => fixture?.edge.stats().clients === 1);
  for (let turn = 0; turn < 3; turn++) await (await connect()).untilEnd();
  first.socket.destroy();
  await eventually(() => fixture?.edge.stats().clients === 0);
  const next = await connect();
  next.send(GET);
  await next.untilContains('ok');
});
