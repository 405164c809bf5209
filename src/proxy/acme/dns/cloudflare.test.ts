import { afterEach, expect, test } from 'bun:test';
import type { Server } from 'bun';
import { systemClock } from '../../../base/clock.ts';
import { Cloudflare } from './cloudflare.ts';

let server: Server<undefined> | undefined;
afterEach(() => server?.stop(true));
const signal = new AbortController().signal;

/** As Cloudflare answers (API v4), for the zones named. */
function api(zones: readonly string[], answer?: (call: string) => Response | undefined) {
  const calls: string[] = [];
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = await request.text();
      const call = `${request.method} ${pathname}${search}${body && ` ${body}`}`;
      calls.push(call);
      if (request.headers.get('authorization') !== 'Bearer secret')
        return refusal(10_000, 'Authentication error', 403);
      const special = answer?.(call);
      if (special) return special;
      const name = new URLSearchParams(search).get('name');
      if (pathname === '/v4/zones')
        return ok(zones.filter((zone) => zone === name).map((zone) => ({ id: `z-${zone}`, name: zone })));
      return ok({ id: 'r1' });
    },
  });
  return { calls, url: `http://127.0.0.1:${server.port}/v4` };
}

const ok = (result: unknown): Response => Response.json({ success: true, errors: [], messages: [], result });
const refusal = (code: number, message: string, status = 400): Response =>
  Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status });

const cloudflare = (apiUrl: string, token = 'secret'): Cloudflare =>
  new Cloudflare({ token, apiUrl, clock: systemClock });

test('a record is made in the longest zone that the name is in, and taken away again', async () => {
  const { calls, url } = api(['example.co.uk', 'co.uk']);
  const provider = cloudflare(url);
  const record = await provider.addTxt('_acme-challenge.a.example.co.uk', 'value', signal);
  await provider.removeTxt(record);
  expect(calls).toEqual([
    'GET /v4/zones?name=a.example.co.uk',
    'GET /v4/zones?name=example.co.uk',
    'POST /v4/zones/z-example.co.uk/dns_records {"type":"TXT","name":"_acme-challenge.a.example.co.uk","content":"\\"value\\"","ttl":60}',
    'DELETE /v4/zones/z-example.co.uk/dns_records/r1',
  ]);
});

test('a name in no zone of the token says what the token lacks', () => {
  const { url } = api(['other.example']);
  expect(cloudflare(url).addTxt('_acme-challenge.a.example', 'v', signal)).rejects.toMatchObject({
    code: 'dns_zone_unknown',
    hint: expect.stringContaining('DNS:Edit'),
  });
});

test('a wrong token is said in Cloudflare’s words', () => {
  const { url } = api(['a.example']);
  expect(cloudflare(url, 'wrong').addTxt('_acme-challenge.a.example', 'v', signal)).rejects.toMatchObject({
    code: 'dns_provider_refused',
    message: 'Cloudflare says: Authentication error',
  });
});

test('a record that is gone already is no error, any other refusal is', async () => {
  let code = 81_044;
  const { url } = api(['a.example'], (call) =>
    call.startsWith('DELETE') ? refusal(code, 'Record does not exist.', 404) : undefined,
  );
  const record = { zoneId: 'z', recordId: 'r', name: 'n' };
  await cloudflare(url).removeTxt(record);
  code = 1;
  expect(cloudflare(url).removeTxt(record)).rejects.toMatchObject({ code: 'dns_provider_refused' });
});

test('an API that is down, or is none, is said by its address', async () => {
  expect(
    cloudflare('http://127.0.0.1:9').addTxt('_acme-challenge.a.example', 'v', signal),
  ).rejects.toMatchObject({
    code: 'dns_provider_unreachable',
    message: expect.stringContaining('http://127.0.0.1:9'),
  });
  const { url } = api([], () => new Response('<html>'));
  expect(cloudflare(url).addTxt('_acme-challenge.a.example', 'v', signal)).rejects.toMatchObject({
    code: 'dns_provider_unreachable',
  });
});
