import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { systemClock } from '../../base/clock.ts';
import { AcmeTransport } from './acme-transport.ts';
import { askRenewalInfo, authorityKeyIdOf, renewalCertificateId } from './renewal-info.ts';

/** RFC 9773, appendix A. */
const EXAMPLE = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`;

test('a certificate is named as in the example of the RFC', () => {
  expect(renewalCertificateId(EXAMPLE)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
});

test('a certificate without authority key identifier has no name', () => {
  expect(authorityKeyIdOf(Buffer.from('3003020101', 'hex'))).toBeNull();
});

test('no bytes make the search fail, or find what is not there', () => {
  const oid = Buffer.from('0603551d23', 'hex');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const found = authorityKeyIdOf(Buffer.concat([oid, bytes]));
      expect(found === null || found.length <= bytes.length).toBe(true);
    }),
  );
});

async function answered(body: unknown, headers: Record<string, string> = {}) {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json(body, { headers }) });
  const transport = new AcmeTransport({ clock: systemClock, userAgent: 'test', caPem: null });
  try {
    const url = `http://127.0.0.1:${server.port}/renewal-info/`;
    return await askRenewalInfo(transport, url, 'id', new AbortController().signal);
  } finally {
    await server.stop(true);
  }
}

const window = { start: '2030-01-02T00:00:00Z', end: '2030-01-04T00:00:00Z' };

test('the window of the CA, and when to ask again, within reason', async () => {
  const start = Date.parse(window.start);
  const end = Date.parse(window.end);
  const hours = (count: number): number => count * 3_600_000;
  expect(await answered({ suggestedWindow: window })).toEqual({ start, end, askAgainMs: hours(6) });
  const often = await answered({ suggestedWindow: window }, { 'retry-after': '1' });
  expect(often?.askAgainMs).toBe(60_000);
  const rarely = await answered({ suggestedWindow: window }, { 'retry-after': '9999999' });
  expect(rarely?.askAgainMs).toBe(hours(24));
});

test('what makes no sense is as if it had not been said', async () => {
  expect(await answered({})).toBeNull();
  expect(await answered({ suggestedWindow: { start: window.end, end: window.start } })).toBeNull();
  expect(await answered({ suggestedWindow: { start: 'soon', end: 'later' } })).toBeNull();
});
