import { beforeEach, expect, test } from 'bun:test';
import type { ToWorker } from '../workers/worker-protocol.ts';
import type { AcmeChallenge, StoredCertificate } from './contract.ts';
import { PublishedCertificates } from './published-certificates.ts';

let told: ToWorker[];
let waiting: { version: number; resolve: () => void }[];
let published: PublishedCertificates;

beforeEach(() => {
  told = [];
  waiting = [];
  const channel = {
    tell: (message: ToWorker) => void told.push(message),
    certified: (version: number) =>
      new Promise<void>((resolve) => void waiting.push({ version, resolve: () => resolve() })),
  };
  published = new PublishedCertificates(() => channel);
});

const certificate = (id: string): StoredCertificate => ({
  id,
  names: [`${id}.test`],
  file: `/certs/${id}.pem`,
  notBefore: 1,
  notAfter: 2,
  isOwn: undefined,
});
const challenge: AcmeChallenge = { kind: 'http-01', host: 'a.test', token: 't', keyAuthorization: 't.k' };

test('a change is told with the next version, and is done when every worker has it', async () => {
  let isDone = false;
  const done = published.publish({ put: [certificate('a')], remove: [] }).then(() => {
    isDone = true;
  });
  expect(told).toEqual([
    { type: 'certificate-change', version: 1, change: { put: [certificate('a')], remove: [] } },
  ]);
  expect([isDone, waiting.map(({ version }) => version)]).toEqual([false, [1]]);
  waiting[0]?.resolve();
  await done;
});

test('who comes later is told all there is', () => {
  void published.publish({ put: [certificate('a'), certificate('b')], remove: [] });
  void published.publish({ put: [certificate('c')], remove: ['a'] });
  void published.publishChallenge(challenge);
  expect(published.current()).toEqual({
    type: 'certificates',
    version: 3,
    certificates: [certificate('b'), certificate('c')],
    challenges: [challenge],
  });
});

test('a withdrawn challenge is gone, and others for the host stay', () => {
  const other = { ...challenge, token: 'u' };
  void published.publishChallenge(challenge);
  void published.publishChallenge(other);
  void published.withdrawChallenge(challenge);
  expect(told.at(-1)).toEqual({ type: 'challenge', version: 3, challenge, isWithdrawn: true });
  expect(published.current().challenges).toEqual([other]);
});

test('workers hear nothing beyond what they serve by', () => {
  const known = { ...certificate('a'), issuer: 'nobody’s business' };
  void published.publish({ put: [known], remove: [] });
  expect(JSON.stringify(told)).not.toContain('business');
});
