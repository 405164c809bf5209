/** Mutated requests meet mutated answers on a live edge: no bug, no leak, no count left, and it still serves. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { EdgeFixture, eventually } from './edge.fixture.ts';

const REQUESTS = [
  'GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'POST /b HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n',
  'GET /d HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HEAD /e HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n',
  'PUT /f HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
];
const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello',
  'HTTP/1.0 200 OK\r\n\r\nuntil the end',
];

type Mutation = readonly [
  kind: 'drop' | 'insert' | 'replace' | 'cut' | 'double' | 'none',
  at: number,
  byte: string,
];

const mutation: fc.Arbitrary<Mutation> = fc.tuple(
  fc.constantFrom('drop', 'insert', 'replace', 'cut', 'double', 'none'),
  fc.nat(200),
  fc.constantFrom('\r', '\n', '\0', ' ', ':', ',', '0', '9', 'x', '\t', '\xff', '\r\n', '\r\n\r\n'),
);

function mutated(text: string, [kind, place, byte]: Mutation): string {
  const at = place % text.length;
  switch (kind) {
    case 'drop':
      return text.slice(0, at) + text.slice(at + 1);
    case 'insert':
      return text.slice(0, at) + byte + text.slice(at);
    case 'replace':
      return text.slice(0, at) + byte + text.slice(at + 1);
    case 'cut':
      return text.slice(0, at);
    case 'double':
      return text + text.slice(at);
    case 'none':
      return text;
  }
}

const message = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...texts), fc.array(mutation, { maxLength: 3 }))
    .map(([text, mutations]) => mutations.reduce((so, one) => (so === '' ? so : mutated(so, one)), text));

test('survives anything on both sides, and counts it right', async () => {
  const fixture = new EdgeFixture({
    requestHeadMs: 20,
    requestBodyIdleMs: 20,
    answerIdleMs: 20,
    tunnelHalfClosedMs: 20,
    lingerMs: 20,
  });
  let answer = '';
  const port = await fixture.upstream((socket) => {
    socket.on('end', () => socket.end());
    socket.on('data', () => {
      if (answer !== '') socket.write(answer, 'latin1');
      if (answer.length % 3 === 0) socket.end();
    });
  });
  fixture.serve([port], { responseTimeoutMs: 20 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(message(REQUESTS), { minLength: 1, maxLength: 3 }),
      message(ANSWERS),
      async (requests, said) => {
        answer = said;
        const client = await fixture.client();
        client.send(requests.join(''));
        for (let turn = 0; turn < 6; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
        if (requests.length % 2 === 0) client.socket.destroy();
        else client.socket.end();
        await eventually(() => fixture.edge.stats().clients === 0);
        expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
        expect(fixture.totals(2)).toMatchObject({ inFlight: 0, held: 0 });
        expect(fixture.bugs).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
  answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const client = await fixture.client();
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.untilContains('ok');
  fixture.close();
  expect(fixture.edge.stats()).toMatchObject({ clients: 0, watched: 0, idleUpstream: 0 });
}, 60_000);
