import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isLumaError } from '../../base/errors.ts';
import { readWorkerFlags, workerOutputWords, workerWords } from './worker-flags.ts';

const edge = fc.record({
  trustedProxies: fc.array(fc.ipV4()),
  usesProxyProtocol: fc.boolean(),
  connectionsPerAddressMax: fc.nat(),
  httpsPort: fc.option(fc.nat(65_535)),
});
const flags = fc.record({
  column: fc.nat(256),
  // A path that begins with a dash would be absolute by the time the daemon says it.
  workersSocketPath: fc.string({ minLength: 1 }).map((path) => `/${path}`),
  listeners: fc.nat(16),
  tlsListeners: fc.nat(16),
  shutdownTimeoutMs: fc.nat(999_999_999),
  edge,
});
const output = fc.record({
  accessLog: fc.constantFrom(null, '-', '/var/log/luma access.log'),
  isDebug: fc.boolean(),
});

test('a worker reads what its daemon wrote', () => {
  fc.assert(
    fc.property(flags, output, (said, out) => {
      const words = [...workerOutputWords(out), ...workerWords(said)];
      expect(readWorkerFlags(words)).toEqual({ ...said, ...out });
    }),
  );
});

const right = workerWords({
  column: 1,
  workersSocketPath: '/x',
  listeners: 1,
  tlsListeners: 1,
  shutdownTimeoutMs: 1,
  edge: { trustedProxies: [], usesProxyProtocol: false, connectionsPerAddressMax: 0, httpsPort: null },
});
const wrong: readonly (readonly [string, readonly string[]])[] = [
  ['nothing', []],
  ['a missing flag', right.slice(2)],
  ['an unknown flag', [...right, '--colour', 'red']],
  ['a word that is no flag', [...right, 'now']],
  ['a number that is none', ['--column', 'one', ...right.slice(2)]],
  ['settings that are no JSON', [...right.slice(0, -1), '{']],
];
for (const [what, words] of wrong) {
  test(`${what} is refused, and who starts a worker is named`, () => {
    const refusal = (): unknown => {
      try {
        return readWorkerFlags(words);
      } catch (error) {
        return error;
      }
    };
    expect(isLumaError(refusal(), 'worker_flags_wrong')).toBe(true);
    expect(String(refusal())).toContain('started by luma-proxy run only');
  });
}
