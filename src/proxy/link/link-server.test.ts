import { beforeEach, describe, expect, test } from 'bun:test';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { ServiceSpec } from '../client/contract.ts';
import { PLAIN_ISSUANCE, PLAIN_OPTIONS } from '../client/plain-options.ts';
import type { Registry } from '../services/registry.ts';
import type { LinkSession } from './link-server.ts';
import { LinkServer } from './link-server.ts';
import { LINK_PROTOCOL } from './messages.ts';

let said: Record<string, unknown>[];
let lifted: string[];
let links: LinkServer;
let session: LinkSession;
let saving: PromiseWithResolvers<void>;
let verdict: 'accepted' | 'stale';

/** Only what a sleep needs of it. */
const registry = {
  linkMade: () => [],
  linkReady: () => {},
  linkLost: () => {},
  snapshot: () => [],
  signalled: () => verdict,
  publish: () => links.tell('a', { type: 'answered', service: 'hello', targetId: 'i1' }),
  liftFence: (_owner: string, service: string, token: string) => lifted.push(`${service} ${token}`),
} as unknown as Registry;

beforeEach(() => {
  said = [];
  lifted = [];
  verdict = 'accepted';
  saving = Promise.withResolvers<void>();
  links = new LinkServer({
    registry: () => registry,
    save: () => saving.promise,
    version: '1',
    clock: new ManualClock(),
    log: silentLog,
  });
  session = links.accept({ send: (text) => said.push(JSON.parse(text)), close: () => {} })!;
  hear({ type: 'hello', protocol: LINK_PROTOCOL, owner: 'a', epoch: 1 });
  hear({ type: 'snapshot', services: [] });
  said.length = 0;
});

const published: ServiceSpec = {
  name: 'hello',
  hosts: ['hello.test'],
  pathPrefixes: ['/'],
  stripPathPrefix: false,
  traffic: 'forward',
  holdTimeoutMs: 1_000,
  responseTimeoutMs: 0,
  targetConcurrency: 0,
  waitMode: 'hold',
  quietRules: [],
  quietAfterMs: null,
  ...PLAIN_OPTIONS,
  issuance: PLAIN_ISSUANCE,
  targets: [],
};

const hear = (message: object): void => session.receive(JSON.stringify(message));
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('signalled', () => {
  test('is accepted only when the disk has it, and nothing of that service overtakes the answer', async () => {
    hear({ type: 'signalled', id: 1, service: 'hello', token: 't' });
    await settled();
    links.tell('a', { type: 'wake', service: 'hello' });
    links.tell('a', { type: 'wake', service: 'other' });
    expect(said).toEqual([{ type: 'wake', service: 'other' }]);
    saving.resolve();
    await settled();
    expect(said.slice(1)).toEqual([
      { type: 'done', id: 1, result: 'accepted' },
      { type: 'wake', service: 'hello' },
    ]);
  });

  test('that cannot be saved is stale, and its fence is lifted', async () => {
    hear({ type: 'signalled', id: 1, service: 'hello', token: 't' });
    saving.reject(new Error('no room'));
    await settled();
    expect(said).toEqual([{ type: 'done', id: 1, result: 'stale' }]);
    expect(lifted).toEqual(['hello t']);
  });

  test('that is stale waits for nothing', async () => {
    verdict = 'stale';
    hear({ type: 'signalled', id: 1, service: 'hello', token: 't' });
    await settled();
    expect(said).toEqual([{ type: 'done', id: 1, result: 'stale' }]);
  });
});

describe('publish', () => {
  test('is answered before it is said that its target answers', () => {
    hear({ type: 'publish', id: 1, service: published });
    expect(said).toEqual([
      { type: 'done', id: 1, result: null },
      { type: 'answered', service: 'hello', targetId: 'i1' },
    ]);
    links.tell('a', { type: 'wake', service: 'hello' });
    expect(said).toHaveLength(3);
  });
});
