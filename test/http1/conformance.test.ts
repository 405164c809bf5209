/** Runs every document of this folder through an edge on real sockets. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Socket } from 'node:net';
import { EdgeFixture, eventually, type RawClient } from '../../src/edge/exchange/edge.fixture.ts';
import { type ProtocolCase, readCases, shortened, withMergedChunks } from './case-document.ts';

/** Written by the case that runs, read by the target. */
let current: { readonly case: ProtocolCase; seen: string; answered: number };
let fixture: EdgeFixture;
let last: RawClient | null = null;

beforeAll(async () => {
  fixture = new EdgeFixture({
    requestHeadBytesMax: 4_096,
    requestTargetBytesMax: 1_024,
    headFieldsMax: 20,
    requestBodyIdleMs: 2_000,
    // More than what comes where a document lets a body drip.
    requestBodyBytesPerSecondMin: 100_000,
  });
  fixture.serve([await fixture.upstream(followScript)], { hosts: ['a.test', '::1'] });
});

afterAll(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
});

function followScript(socket: Socket): void {
  socket.on('end', () => socket.end());
  socket.on('data', (bytes: Buffer) => {
    current.seen += bytes.toString('latin1');
    const expected = withMergedChunks(current.case.target.slice(0, current.answered + 1).join(''));
    const answer = current.case.answer[current.answered];
    if (answer === undefined || withMergedChunks(shortened(current.seen)).length < expected.length) return;
    current.answered++;
    const isClosing = answer.endsWith('{close}\r\n');
    socket.write(isClosing ? answer.slice(0, -'{close}\r\n'.length) : answer, 'latin1');
    if (isClosing) socket.end();
  });
}

describe.each([
  ['whole', (client: RawClient, text: string) => client.send(text)],
  ['byte by byte', sendSlowly],
] as const)('%s', (_way, send) => {
  const cases = readCases(import.meta.dirname).map((one) => [`${one.file}: ${one.name}`, one] as const);
  test.each(cases)('%s', async (_name, one) => {
    current = { case: one, seen: '', answered: 0 };
    const client = await freshClient();
    const isClosing = one.gets.endsWith('{close}\r\n');
    const gets = isClosing ? one.gets.slice(0, -'{close}\r\n'.length) : one.gets;
    for (const [index, text] of one.client.entries()) {
      if (index > 0) await eventually(() => shortened(client.received).length > 0);
      await send(client, text);
    }
    if (one.drips !== null) await drip(client, one.drips);
    await eventually(() => shortened(client.received).length >= gets.length || client.ending !== null);
    if (isClosing) await client.untilEnd();
    expect(shortened(client.received)).toBe(gets);
    expectSeen(one);
    if (!isClosing) expect(client.ending).toBeNull();
  });
});

/** Nothing of the case before is left, however that one ended. */
async function freshClient(): Promise<RawClient> {
  last?.socket.destroy();
  await eventually(() => fixture.edge.stats().clients === 0);
  fixture.shut();
  fixture.open();
  last = await fixture.client();
  return last;
}

/** A target that is never asked to answer may see any beginning of what is refused later, or nothing. */
function expectSeen(one: ProtocolCase): void {
  const seen = withMergedChunks(shortened(current.seen));
  const expected = withMergedChunks(one.target.join(''));
  if (one.target.length === one.answer.length) expect(seen).toBe(expected);
  else expect(seen.startsWith(expected) || expected.startsWith(seen)).toBe(true);
}

async function drip(client: RawClient, text: string): Promise<void> {
  while (client.received === '' && client.ending === null) {
    client.send(text);
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
}

async function sendSlowly(client: RawClient, text: string): Promise<void> {
  for (const byte of text) {
    if (client.ending !== null) return;
    client.send(byte);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
