import { expect, test } from 'bun:test';
import { CAUSE_CHARACTERS_MAX, wakeCauseOf } from './wake-cause.ts';

const head = (target: string, userAgent?: string) => ({
  target,
  fields: { first: (name: string) => (name === 'user-agent' ? userAgent : undefined) },
});
const causeOf = (...parts: Parameters<typeof head>) => wakeCauseOf(head(...parts) as never);

test('a wake tells the path without its query, and the user agent', () => {
  expect(causeOf('/up?token=secret', 'curl/8')).toEqual({ path: '/up', userAgent: 'curl/8' });
  expect(causeOf('/')).toEqual({ path: '/', userAgent: '' });
});

test('and of either no more than so many characters', () => {
  const { path, userAgent } = causeOf(`/${'a'.repeat(5_000)}`, 'b'.repeat(5_000));
  expect([path.length, userAgent.length]).toEqual([CAUSE_CHARACTERS_MAX, CAUSE_CHARACTERS_MAX]);
});
