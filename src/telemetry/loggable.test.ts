import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { LumaError } from '../base/errors.ts';
import { loggable } from './loggable.ts';

test('whatever is logged, JSON can say it', () => {
  const value = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withTypedArray: true,
  });
  fc.assert(fc.property(value, (any) => void JSON.stringify(loggable(any))));
});

describe('an error', () => {
  test('has its type, message, stack, own fields and causes', () => {
    const cause = Object.assign(new Error('refused'), { errno: -111 });
    const error = new LumaError('runtime_unavailable', 'no engine', { hint: 'start it', cause });
    expect(loggable({ error })).toMatchObject({
      error: {
        type: 'LumaError',
        code: 'runtime_unavailable',
        message: 'no engine',
        hint: 'start it',
        stack: expect.stringContaining('loggable.test.ts'),
        cause: { type: 'Error', message: 'refused', errno: -111 },
      },
    });
  });

  test('of several names each of them', () => {
    expect(loggable(new AggregateError([new TypeError('a'), 'b'], 'all failed'))).toMatchObject({
      type: 'AggregateError',
      errors: [{ type: 'TypeError', message: 'a' }, 'b'],
    });
  });

  test('that is its own cause is told once', () => {
    const error = new Error('again');
    error.cause = error;
    expect(loggable(error)).toMatchObject({ message: 'again', cause: '(circular)' });
  });
});

test('what lies too deep is left out', () => {
  let nested: unknown = 'bottom';
  for (let depth = 0; depth < 100; depth++) nested = { nested };
  expect(JSON.stringify(loggable(nested)).length).toBeLessThan(200);
});
