import { expect, test } from 'bun:test';
import { silentLog } from '../../../base/log.ts';
import { ManualClock } from '../../../base/manual-clock.ts';
import { DNS_VISIBLE_PERIOD_MS, DNS_VISIBLE_TIMEOUT_MS } from '../limits.ts';
import type { DnsQuestions } from './txt-watch.ts';
import { TxtWatch } from './txt-watch.ts';

const never = new AbortController().signal;

function watch(clock: ManualClock, questions: DnsQuestions, resolvers: readonly string[] = []): TxtWatch {
  return new TxtWatch({ clock, questions, resolvers, log: silentLog });
}

test('waits until every name server of the domain shows the record', async () => {
  const clock = new ManualClock();
  const shown = new Map([['ns1', ['v']]]);
  const questions = {
    nameServers: async () => ['ns1', 'ns2'],
    txt: async (_name: string, server: string) => shown.get(server) ?? [],
  };
  let isSeen = false;
  const seen = watch(clock, questions)
    .seen('n', 'v', never)
    .then(() => {
      isSeen = true;
    });
  await clock.advance(DNS_VISIBLE_PERIOD_MS);
  expect(isSeen).toBe(false);
  shown.set('ns2', ['old', 'v']);
  await clock.advance(DNS_VISIBLE_PERIOD_MS);
  await seen;
  expect(clock.armedCount).toBe(0);
});

test('a record that is never seen, or cannot be asked for, does not stop the order for ever', async () => {
  for (const nameServers of [async () => [], () => Promise.reject(new Error('no DNS here'))]) {
    const clock = new ManualClock();
    const seen = watch(clock, { nameServers, txt: async () => [] }).seen('n', 'v', never);
    await clock.advance(DNS_VISIBLE_TIMEOUT_MS + DNS_VISIBLE_PERIOD_MS);
    await seen;
  }
});

test('resolvers that were named are asked instead', async () => {
  const asked: string[] = [];
  const questions = {
    nameServers: () => Promise.reject(new Error('not asked')),
    txt: async (_name: string, server: string) => {
      asked.push(server);
      return ['v'];
    },
  };
  await watch(new ManualClock(), questions, ['127.0.0.1:8053']).seen('n', 'v', never);
  expect(asked).toEqual(['127.0.0.1:8053']);
});

test('an order that is given up stops the waiting', async () => {
  const clock = new ManualClock();
  const order = new AbortController();
  const seen = watch(clock, { nameServers: async () => ['ns'], txt: async () => [] }).seen(
    'n',
    'v',
    order.signal,
  );
  await clock.advance(0);
  order.abort(new Error('given up'));
  expect(seen).rejects.toThrow('given up');
});
