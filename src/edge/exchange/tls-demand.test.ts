import { afterEach, expect, test } from 'bun:test';
import { makeCertificate } from '../../base/certificate.fixture.ts';
import { answering, eventually } from './edge.fixture.ts';
import { TlsFixture } from './tls.fixture.ts';

let fixture: TlsFixture;
afterEach(() => fixture.close());

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function serving(limits: ConstructorParameters<typeof TlsFixture>[0] = {}): Promise<void> {
  fixture = new TlsFixture(limits);
  const port = await fixture.upstream(answering(OK, []));
  fixture.serve([port], { hosts: ['*.app.test'], tls: { redirect: true, hstsSeconds: 0 } });
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error);

test('a host that may have a certificate gets one while its clients wait, all of them by one question', async () => {
  await serving();
  const clients = [fixture.connectTls('a.app.test'), fixture.connectTls('a.app.test')];
  await eventually(() => fixture.certificatesWanted.length > 0 && fixture.edge.stats().clients === 2);
  fixture.certify('a', ['a.app.test']);
  fixture.edge.certificateAnswered('a.app.test');
  const names = (await Promise.all(clients)).map((client) => client.getPeerCertificate().subjectaltname);
  expect(names).toEqual(['DNS:a.app.test', 'DNS:a.app.test']);
  expect(fixture.certificatesWanted).toEqual(['a.app.test']);
  expect(fixture.bugs).toEqual([]);
});

test('where the answer is that there is none, the handshake is refused', async () => {
  await serving();
  const client = fixture.connectTls('b.app.test').catch(codeOf);
  await eventually(() => fixture.certificatesWanted.length > 0);
  fixture.edge.certificateAnswered('b.app.test');
  expect(await client).toContain('UNRECOGNIZED_NAME');
});

test('nobody is asked for a host that no service serves over TLS', async () => {
  await serving();
  expect(await fixture.connectTls('other.test').catch(codeOf)).toContain('UNRECOGNIZED_NAME');
  expect(await fixture.connectTls('a.b.app.test').catch(codeOf)).toContain('UNRECOGNIZED_NAME');
  expect(fixture.certificatesWanted).toEqual([]);
});

test('the default certificate is shown only when the answer is that there is no other', async () => {
  await serving();
  fixture.certify('default', [''], makeCertificate(['default.test']));
  const client = fixture.connectTls('c.app.test');
  await eventually(() => fixture.certificatesWanted.length > 0);
  fixture.edge.certificateAnswered('c.app.test');
  expect((await client).getPeerCertificate().subjectaltname).toBe('DNS:default.test');
});

test('beyond so many hosts at once, a handshake is refused without a question', async () => {
  await serving({ certificateDemandsMax: 1 });
  const first = fixture.connectTls('a.app.test').catch(codeOf);
  await eventually(() => fixture.certificatesWanted.length > 0);
  expect(await fixture.connectTls('b.app.test').catch(codeOf)).toContain('UNRECOGNIZED_NAME');
  fixture.edge.certificateAnswered('a.app.test');
  await first;
  expect(fixture.certificatesWanted).toEqual(['a.app.test']);
});

test('a client that goes while it waits leaves nothing behind', async () => {
  await serving();
  const client = fixture.connectTls('a.app.test').catch(codeOf);
  await eventually(() => fixture.certificatesWanted.length > 0);
  fixture.cutClients();
  await client;
  await eventually(() => fixture.edge.stats().clients === 0);
  fixture.certify('a', ['a.app.test']);
  fixture.edge.certificateAnswered('a.app.test');
  await eventually(() => fixture.edge.stats().clients === 0);
  expect(fixture.bugs).toEqual([]);
});
