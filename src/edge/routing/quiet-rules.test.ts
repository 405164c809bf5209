import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type QuietQuestion, QuietRules } from './quiet-rules.ts';
import type { QuietRule } from './service-route.ts';

const rule = (more: Partial<QuietRule>): QuietRule => ({
  path: null,
  methods: null,
  userAgent: null,
  client: null,
  answer: { status: 200, body: '' },
  ...more,
});

interface Asked {
  method: string;
  path: string;
  userAgent: string;
  address: string;
}

const ask = (more: Partial<Asked> = {}): QuietQuestion => {
  const asked = { method: 'GET', path: '/', userAgent: 'curl/8', address: '192.0.2.7', ...more };
  const { method, path } = asked;
  return { method, path, userAgent: () => asked.userAgent, clientAddress: () => asked.address };
};

const isQuiet = (rules: QuietRule[], asked: Partial<Asked> = {}): boolean =>
  new QuietRules(rules).find(ask(asked)) !== null;

test('without rules nothing is quiet', () => {
  expect(new QuietRules([]).isEmpty).toBe(true);
  expect(isQuiet([])).toBe(false);
});

test('a path is meant whole, and its beginning only with a star', () => {
  expect(isQuiet([rule({ path: '/up' })], { path: '/up' })).toBe(true);
  expect(isQuiet([rule({ path: '/up' })], { path: '/up/x' })).toBe(false);
  expect(isQuiet([rule({ path: '/up*' })], { path: '/up/x' })).toBe(true);
  expect(isQuiet([rule({ path: '/up*' })], { path: '/u' })).toBe(false);
});

test('a user agent is meant in part and in any case', () => {
  const rules = [rule({ userAgent: 'UptimeRobot' })];
  expect(isQuiet(rules, { userAgent: 'Mozilla/5.0 (compatible; uptimerobot/2.0)' })).toBe(true);
  expect(isQuiet(rules, { userAgent: '' })).toBe(false);
});

test('a client is meant by address or range, of either family', () => {
  expect(isQuiet([rule({ client: '192.0.2.0/24' })])).toBe(true);
  expect(isQuiet([rule({ client: '192.0.2.7' })])).toBe(true);
  expect(isQuiet([rule({ client: '192.0.3.0/24' })])).toBe(false);
  expect(isQuiet([rule({ client: '2001:db8::/32' })], { address: '2001:db8::1' })).toBe(true);
  expect(isQuiet([rule({ client: '192.0.2.0/24' })], { address: '::ffff:192.0.2.9' })).toBe(true);
});

test('every condition of a rule must hold', () => {
  const rules = [rule({ path: '/up', methods: ['HEAD'], userAgent: 'bot', client: '10.0.0.0/8' })];
  const all = { path: '/up', method: 'HEAD', userAgent: 'a bot', address: '10.1.1.1' };
  expect(isQuiet(rules, all)).toBe(true);
  for (const other of [{ path: '/' }, { method: 'GET' }, { userAgent: 'me' }, { address: '11.0.0.1' }]) {
    expect(isQuiet(rules, { ...all, ...other })).toBe(false);
  }
});

test('the first rule that matches counts', () => {
  const first = rule({ path: '/a*' });
  const second = rule({ path: '/ab' });
  expect(new QuietRules([first, second]).find(ask({ path: '/ab' }))).toBe(first);
  expect(new QuietRules([second, first]).find(ask({ path: '/ab' }))).toBe(second);
});

test('what is costly to know is asked only where a rule gets that far', () => {
  const never = (): never => {
    throw new Error('asked');
  };
  const question = { method: 'GET', path: '/x', userAgent: never, clientAddress: never };
  expect(new QuietRules([rule({ path: '/up', userAgent: 'a', client: '::/0' })]).find(question)).toBeNull();
});

test('a rule that a request matches goes on matching with one condition less', () => {
  const part = fc.constantFrom('path', 'methods', 'userAgent', 'client');
  const path = fc.constantFrom('/', '/up', '/up/x');
  fc.assert(
    fc.property(part, path, fc.boolean(), (left, path, isPrefix) => {
      const full = rule({
        path: isPrefix ? `${path}*` : path,
        methods: ['GET'],
        userAgent: 'curl',
        client: '192.0.2.0/24',
      });
      expect(isQuiet([full], { path })).toBe(true);
      expect(isQuiet([{ ...full, [left]: null }], { path })).toBe(true);
    }),
  );
});
