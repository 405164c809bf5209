import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Socket } from 'node:net';
import { answering, EdgeFixture, eventually, targetOn } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n';

let fixture: EdgeFixture;
beforeEach(() => {
  fixture = new EdgeFixture();
});
afterEach(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.totals(2)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({
    clients: 0,
    exchanges: 0,
    held: 0,
    idleUpstream: 0,
    watched: 0,
  });
});

/** Gathers everything an upstream gets, and lets the test answer. */
function recording(): { sockets: Socket[]; text: () => string; serve: (socket: Socket) => void } {
  const sockets: Socket[] = [];
  let input = '';
  return {
    sockets,
    text: () => input,
    serve(socket) {
      sockets.push(socket);
      socket.on('data', (bytes: Buffer) => {
        input += bytes.toString('latin1');
      });
    },
  };
}

test('passes a request on with fresh forwarding fields and counts it on both rows', async () => {
  const seen: string[] = [];
  fixture.serve([await fixture.upstream(answering(OK, seen))]);
  const client = await fixture.client();
  client.send(
    'GET /x?y=1 HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 9.9.9.9\r\nX-forwarded_proto: https\r\nAccept: */*\r\n' +
      'Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nX-Request-ID: abc-1\r\nForwarded: for=1.1.1.1\r\n\r\n',
  );
  expect(await client.untilContains('ok')).toBe(OK);
  expect(seen).toEqual([
    'GET /x?y=1 HTTP/1.1\r\nHost: app.test\r\nAccept: */*\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n' +
      'X-Forwarded-Host: app.test\r\nX-Request-ID: abc-1\r\n\r\n',
  ]);
  expect(fixture.totals(1)).toEqual({ inFlight: 0, held: 0, ends: 1 });
  expect(fixture.totals(2)).toEqual({ inFlight: 0, held: 0, ends: 1 });
});

test('gives the target a Host where an HTTP/1.0 client named none', async () => {
  const seen: string[] = [];
  const port = await fixture.upstream(answering(OK, seen));
  fixture.serve([port], { hosts: [''] });
  const client = await fixture.client();
  client.send('GET / HTTP/1.0\r\n\r\n');
  await client.untilContains('ok');
  expect(seen[0]).toStartWith(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
});

test('keeps both connections for the next request', async () => {
  const upstream = recording();
  fixture.serve([
    await fixture.upstream((socket) => {
      upstream.serve(socket);
      answering(OK)(socket);
    }),
  ]);
  const client = await fixture.client();
  for (let count = 1; count <= 3; count++) {
    client.send(GET);
    await client.until((received) => received.split('ok').length === count + 1);
  }
  expect(upstream.sockets.length).toBe(1);
});

test('answers pipelined requests in order', async () => {
  const seen: string[] = [];
  fixture.serve([await fixture.upstream(answering(OK, seen))]);
  const client = await fixture.client();
  client.send(
    'GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: other.test\r\n\r\nGET /3 HTTP/1.1\r\nHost: app.test\r\n\r\n',
  );
  const received = await client.until((text) => text.split('ok').length === 3);
  expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
  expect(seen.map((head) => head.split(' ')[1])).toEqual(['/1', '/3']);
});

test('streams a chunked body both ways, dropping extensions and forbidden trailers', async () => {
  const upstream = recording();
  fixture.serve([await fixture.upstream(upstream.serve)]);
  const client = await fixture.client();
  client.send(
    'POST / HTTP/1.1\r\nHost: app.test\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n',
  );
  await eventually(() => upstream.text().endsWith('5\r\nhello\r\n'));
  client.send('0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n');
  await eventually(() => upstream.text().endsWith('0\r\nX-Sum: 1\r\n\r\n'));
  expect(upstream.text()).toContain('Transfer-Encoding: chunked\r\n');
  upstream.sockets[0]?.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await client.untilContains('3\r\nabc\r\n');
  upstream.sockets[0]?.write('0\r\nX-T: 1\r\n\r\n');
  expect(await client.untilContains('X-T')).toEndWith('3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n');
});

test('gives an HTTP/1.0 client an undressed body and the end of the connection', async () => {
  fixture.serve([
    await fixture.upstream(
      answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
    ),
  ]);
  const client = await fixture.client();
  client.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  expect(await client.untilEnd()).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok');
});

test('turns a body that ends with the connection into chunks', async () => {
  fixture.serve([
    await fixture.upstream((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    }),
  ]);
  const client = await fixture.client();
  client.send(GET);
  expect(await client.untilContains('0\r\n\r\n')).toBe(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nall of it\r\n0\r\n\r\n',
  );
});

test('holds while the gate is closed, wakes once, and sends when it opens', async () => {
  const seen: string[] = [];
  const port = await fixture.upstream(answering(OK, seen));
  fixture.put({ targets: [] });
  const clients = [await fixture.client(), await fixture.client(), await fixture.client()];
  for (const client of clients) client.send(GET);
  await eventually(() => fixture.totals().held === 3);
  expect(fixture.wakes).toEqual(['app']);
  expect(fixture.totals()).toEqual({ inFlight: 0, held: 3, ends: 0 });
  fixture.serve([port]);
  for (const client of clients) await client.untilContains('ok');
  expect(seen.length).toBe(3);
  expect(fixture.totals()).toEqual({ inFlight: 0, held: 0, ends: 3 });
});

test('an opening that leaves requests held asks for an instance again', async () => {
  fixture.put({ targets: [] });
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => fixture.totals().held === 1);
  expect(fixture.wakes).toEqual(['app']);
  fixture.edge.opened('app');
  expect(fixture.wakes).toEqual(['app', 'app']);
  expect(fixture.totals().held).toBe(1);
});

test('a held client that goes away leaves the queue at once', async () => {
  fixture.put({ targets: [] });
  const client = await fixture.client();
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\npart');
  await eventually(() => fixture.totals().held === 1);
  client.socket.destroy();
  await eventually(() => fixture.totals().held === 0);
  expect(fixture.edge.stats().held).toBe(0);
});

test('probes a starting target only while requests are held, and uses the very connection', async () => {
  const upstream = recording();
  const port = await fixture.upstream((socket) => {
    upstream.serve(socket);
    answering(OK)(socket);
  });
  fixture.put({ targets: [targetOn(port, 0, 'starting')] });
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => fixture.answered.length === 1);
  fixture.serve([port]);
  await client.untilContains('ok');
  expect(fixture.answered).toEqual(['instance-0']);
  expect(upstream.sockets.length).toBe(1);
});

test('a connection that a probe made is forgotten like any other when its target closes it', async () => {
  const sockets: Socket[] = [];
  const port = await fixture.upstream((socket) => {
    sockets.push(socket);
    answering(OK)(socket);
  });
  fixture.put({ targets: [] });
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => fixture.totals().held === 1);
  fixture.put({ targets: [targetOn(port, 0, 'starting')] });
  await eventually(() => fixture.answered.length === 1);
  fixture.serve([port]);
  await client.untilContains('ok');
  expect([sockets.length, fixture.edge.stats().idleUpstream]).toEqual([1, 1]);
  sockets[0]?.end();
  await eventually(() => fixture.edge.stats().idleUpstream === 0);
  client.received = '';
  client.send(GET);
  expect(await client.untilContains('ok')).toStartWith('HTTP/1.1 200');
  expect(sockets.length).toBe(2);
});

test('a failed wake answers all held with 502, and new ones until its time has passed', async () => {
  fixture.put({ targets: [] });
  const first = await fixture.client();
  first.send(GET);
  await eventually(() => fixture.totals().held === 1);
  fixture.edge.refuse('app', { code: 'exited', message: 'it exited with code 1', retryAfterMs: 60 });
  expect(await first.untilContains('exited with code 1')).toStartWith('HTTP/1.1 502 Bad Gateway\r\n');
  const second = await fixture.client();
  second.send(GET);
  expect(await second.untilContains('exited with code 1')).toContain('Retry-After: 1\r\n');
  expect(fixture.wakes).toEqual(['app']);
  const third = await fixture.client();
  while (fixture.wakes.length === 1) {
    third.send(GET);
    await eventually(() => third.received.includes('502') || fixture.totals().held === 1);
    third.received = '';
  }
  expect(fixture.totals().held).toBe(1);
});

test('holds no more than its limit, and says when to come again', async () => {
  fixture.close();
  fixture = new EdgeFixture({ heldPerServiceMax: 2 });
  fixture.put({ targets: [] });
  const clients = [await fixture.client(), await fixture.client(), await fixture.client()];
  clients[0]?.send(GET);
  clients[1]?.send(GET);
  await eventually(() => fixture.totals().held === 2);
  clients[2]?.send(GET);
  const received = await clients[2]?.untilContains('too_many_waiting');
  expect(received).toStartWith('HTTP/1.1 503');
  expect(received).toContain('Retry-After: 1\r\n');
});

test('a hold ends with 503 at its deadline, and with 404 when the service is removed', async () => {
  fixture.put({ targets: [], holdTimeoutMs: 30 });
  const client = await fixture.client();
  client.send(GET);
  expect(await client.untilContains('wake_timeout')).toStartWith('HTTP/1.1 503');
  fixture.put({ targets: [] });
  client.received = '';
  client.send(GET);
  await eventually(() => fixture.totals().held === 1);
  fixture.edge.apply({ generation: ++fixture.generation, put: [], remove: ['app'] });
  expect(await client.untilContains('service_removed')).toStartWith('HTTP/1.1 404');
});

test('answers 503 at once for a stopped service, also to those it held', async () => {
  fixture.put({ targets: [] });
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => fixture.totals().held === 1);
  fixture.put({ targets: [], traffic: 'stopped' });
  expect(await client.untilContains('service_stopped')).toStartWith('HTTP/1.1 503');
  client.received = '';
  client.send(GET);
  expect(await client.untilContains('service_stopped')).toStartWith('HTTP/1.1 503');
});

test('tries a refused connection again until the target listens', async () => {
  const port = await fixture.upstream(answering(OK));
  const dead = await closedPort();
  fixture.serve([dead]);
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => fixture.refused.length === 1);
  fixture.put({ targets: [targetOn(port)] });
  await client.untilContains('ok');
  expect(fixture.refused).toEqual(['instance-0']);
  expect(fixture.totals().ends).toBe(1);
});

test('goes to another target at once when one refuses', async () => {
  const port = await fixture.upstream(answering(OK));
  fixture.serve([await closedPort(), port]);
  const client = await fixture.client();
  for (let count = 1; count <= 4; count++) {
    client.send(GET);
    await client.until((received) => received.split('ok').length === count + 1);
  }
  expect(fixture.totals().ends).toBe(4);
});

test('gives up on a target that refuses for too long', async () => {
  fixture.close();
  fixture = new EdgeFixture({ retryMs: 20 });
  fixture.serve([await closedPort()]);
  const client = await fixture.client();
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\nAccept: application/json\r\n\r\n');
  const received = await client.untilContains('}');
  expect(received).toStartWith('HTTP/1.1 502');
  expect(received).toContain('"code":"target_unreachable"');
});

test('repeats an idempotent request once when a kept connection closes under it', async () => {
  let connections = 0;
  const port = await fixture.upstream((socket) => {
    connections++;
    let requests = 0;
    const isFirst = connections === 1;
    socket.on('data', () => {
      if (isFirst && ++requests === 2) socket.destroy();
      else socket.write(OK);
    });
  });
  fixture.serve([port]);
  const client = await fixture.client();
  client.send(GET);
  await client.untilContains('ok');
  client.received = '';
  client.send(GET);
  expect(await client.untilContains('ok')).toBe(OK);
  expect(connections).toBe(2);
  expect(fixture.totals().ends).toBe(2);
});

test('answers 502 when the target closes without an answer, and never repeats a POST', async () => {
  let requests = 0;
  const port = await fixture.upstream((socket) => {
    socket.on('data', () => {
      if (++requests === 2) socket.destroy();
      else socket.write(OK);
    });
  });
  fixture.serve([port]);
  const client = await fixture.client();
  const post = 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx';
  client.send(post);
  await client.untilContains('ok');
  client.received = '';
  client.send(post);
  expect(await client.untilContains('target_closed')).toStartWith('HTTP/1.1 502');
  expect(requests).toBe(2);
});

test('an answer that ends short of its length ends short for the client too, and its connection closes', async () => {
  const port = await fixture.upstream((socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort'));
  });
  fixture.serve([port]);
  const client = await fixture.client();
  client.send(GET);
  expect(await client.untilEnd()).toBe('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort');
  expect(client.ending).toBe('fin');
});

test('resets a client that could not tell a broken body from a whole one', async () => {
  const port = await fixture.upstream((socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'));
  });
  fixture.serve([port]);
  const client = await fixture.client();
  client.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  await client.untilEnd();
  expect(client.ending).toBe('reset');
});

test('answers 504 when the head does not come in time', async () => {
  const upstream = recording();
  fixture.serve([await fixture.upstream(upstream.serve)], { responseTimeoutMs: 20 });
  const client = await fixture.client();
  client.send(GET);
  expect(await client.untilContains('answer_timeout')).toStartWith('HTTP/1.1 504');
});

test('a client that goes away takes its upstream connection with it', async () => {
  const upstream = recording();
  let isClosed = false;
  const port = await fixture.upstream((socket) => {
    upstream.serve(socket);
    socket.on('close', () => {
      isClosed = true;
    });
  });
  fixture.serve([port]);
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => upstream.text().includes('\r\n\r\n'));
  expect(fixture.totals()).toEqual({ inFlight: 1, held: 0, ends: 0 });
  client.socket.destroy();
  await eventually(() => isClosed);
  expect(fixture.totals()).toEqual({ inFlight: 0, held: 0, ends: 1 });
});

test('passes 100 Continue and other interim answers, but none to HTTP/1.0', async () => {
  const upstream = recording();
  fixture.serve([await fixture.upstream(upstream.serve)]);
  const client = await fixture.client();
  client.send('PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
  await eventually(() => upstream.text().includes('Expect: 100-continue\r\n'));
  upstream.sockets[0]?.write('HTTP/1.1 100 Continue\r\n\r\n');
  await client.untilContains('HTTP/1.1 100 Continue\r\n\r\n');
  client.send('hi');
  await eventually(() => upstream.text().endsWith('\r\n\r\nhi'));
  upstream.sockets[0]?.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`);
  expect(await client.untilContains('ok')).toContain(
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK',
  );
  const old = await fixture.client();
  old.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  await eventually(() => upstream.text().includes('GET / HTTP/1.1'));
  upstream.sockets.at(-1)?.write(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`);
  expect(await old.untilEnd()).toStartWith('HTTP/1.1 200 OK');
});

test('an early answer ends the connection once it is said', async () => {
  const port = await fixture.upstream((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n'));
  });
  fixture.serve([port]);
  const client = await fixture.client();
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\nsome');
  const received = await client.untilEnd();
  expect(received).toContain('HTTP/1.1 413 Too Much');
  expect(received).toContain('Connection: close');
});

test('tunnels an upgrade with half-close, and counts it until its end', async () => {
  const upstream = recording();
  fixture.serve([await fixture.upstream(upstream.serve)]);
  const client = await fixture.client();
  client.send(
    'GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n',
  );
  await eventually(() => upstream.text().endsWith('\r\n\r\n'));
  expect(upstream.text()).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n');
  upstream.sockets[0]?.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst',
  );
  await client.untilContains('first');
  client.send('up');
  await eventually(() => upstream.text().endsWith('up'));
  let hasEnded = false;
  upstream.sockets[0]?.on('end', () => {
    hasEnded = true;
  });
  client.socket.end();
  await eventually(() => hasEnded);
  expect(fixture.totals()).toEqual({ inFlight: 1, held: 0, ends: 0 });
  upstream.sockets[0]?.end('last');
  expect(await client.untilEnd()).toEndWith('last');
  await eventually(() => fixture.totals().inFlight === 0);
  const taken = fixture.edge.takeCounts().find(({ service }) => service === 'app');
  expect(taken?.counts).toMatchObject({ 'bytes in': 'up'.length, 'bytes out': 'firstlast'.length });
});

test('refuses an upgrade nobody asked for', async () => {
  const port = await fixture.upstream(
    answering('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
  );
  fixture.serve([port]);
  const client = await fixture.client();
  client.send(GET);
  expect(await client.untilContains('bad_answer')).toStartWith('HTTP/1.1 502');
});

test('HEAD, 204 and 304 have no body, whatever they declare', async () => {
  const seen: string[] = [];
  const port = await fixture.upstream((socket) => {
    socket.on('data', (bytes: Buffer) => {
      seen.push(bytes.toString());
      socket.write(
        bytes.toString().startsWith('HEAD')
          ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
          : 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
      );
    });
  });
  fixture.serve([port]);
  const client = await fixture.client();
  client.send('HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  expect(await client.untilContains('\r\n\r\n')).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  client.received = '';
  client.send(GET);
  expect(await client.untilContains('\r\n\r\n')).toBe(
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
  );
});

test('no pooled connection survives a closed gate or a target that leaves', async () => {
  const seen: string[] = [];
  const port = await fixture.upstream(answering(OK, seen));
  fixture.serve([port]);
  const client = await fixture.client();
  client.send(GET);
  await client.untilContains('ok');
  expect(fixture.edge.stats().idleUpstream).toBe(1);
  fixture.shut();
  expect(fixture.edge.stats().idleUpstream).toBe(0);
  fixture.open();
  client.received = '';
  client.send(GET);
  await client.untilContains('ok');
  expect(fixture.edge.stats().idleUpstream).toBe(1);
  fixture.put({ targets: [] });
  expect(fixture.edge.stats().idleUpstream).toBe(0);
});

test('an exchange goes on where its target leaves the table', async () => {
  const upstream = recording();
  fixture.serve([await fixture.upstream(upstream.serve)]);
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => upstream.text().includes('\r\n\r\n'));
  fixture.put({ targets: [] });
  upstream.sockets[0]?.write(OK);
  expect(await client.untilContains('ok')).toBe(OK);
  expect(fixture.totals(2)).toEqual({ inFlight: 0, held: 0, ends: 1 });
});

test('drains: idle connections close, running answers finish and say so', async () => {
  const upstream = recording();
  fixture.serve([await fixture.upstream(upstream.serve)]);
  const idle = await fixture.client();
  idle.send('GET /luma-proxy-health HTTP/1.1\r\nHost: any.test\r\n\r\n');
  await idle.untilContains('ok\n');
  const busy = await fixture.client();
  busy.send(GET);
  await eventually(() => upstream.text().includes('\r\n\r\n'));
  const drained = fixture.edge.drain(5_000);
  await idle.untilEnd();
  idle.socket.end();
  upstream.sockets[0]?.write(OK);
  expect(await busy.untilEnd()).toContain('Connection: close\r\n\r\nok');
  busy.socket.end();
  expect(await drained).toEqual({ cut: 0 });
});

test('a drain cuts what is left when its time is over', async () => {
  const upstream = recording();
  fixture.serve([await fixture.upstream(upstream.serve)]);
  const client = await fixture.client();
  client.send(GET);
  await eventually(() => upstream.text().includes('\r\n\r\n'));
  expect(await fixture.edge.drain(10)).toEqual({ cut: 1 });
  expect(await client.untilEnd()).toStartWith('HTTP/1.1 503');
});

test('strips a path prefix where the service wants it', async () => {
  const seen: string[] = [];
  const port = await fixture.upstream(answering(OK, seen));
  fixture.serve([port], { pathPrefixes: ['/api'], stripPathPrefix: true });
  const client = await fixture.client();
  client.send('GET /api?q=1 HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.untilContains('ok');
  client.send('GET /apix HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.untilContains('unknown_host');
  expect(seen[0]).toStartWith('GET /?q=1 HTTP/1.1\r\n');
});

/** A port that was free a moment ago: connecting is refused. */
async function closedPort(): Promise<number> {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const port = listener.port;
  listener.stop(true);
  return port;
}
