import { expect, test } from 'bun:test';
import { isLumaError } from '../../base/errors.ts';
import { STREAMS_MAX } from '../limits.ts';
import { StreamRegistry } from './stream-registry.ts';

const refusalOf = (registry: StreamRegistry): unknown => {
  try {
    return registry.open();
  } catch (error) {
    return error;
  }
};

test('lets in as many streams as the limit says, and another when one has ended', () => {
  const registry = new StreamRegistry();
  const open = Array.from({ length: STREAMS_MAX }, () => registry.open());
  expect(isLumaError(refusalOf(registry), 'too_many_streams')).toBe(true);
  open[7]?.abort();
  expect(registry.openCount).toBe(STREAMS_MAX - 1);
  registry.open();
});

test('stopping ends all of them and lets none in', () => {
  const registry = new StreamRegistry();
  const open = [registry.open(), registry.open()];
  registry.stop();
  expect(open.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  expect(registry.openCount).toBe(0);
  expect(isLumaError(refusalOf(registry), 'shutting_down')).toBe(true);
});
