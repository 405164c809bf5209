/** Calls for one instance that cross each other in any order: each does what it says, or says why it cannot. */
import { expect, test } from 'bun:test';
import { isLumaError } from '../../../src/base/errors.ts';
import { dockerStage } from './docker-stage.ts';
import { until } from './until.ts';

const limitMs = 300_000;
const isLong = Boolean(process.env['LUMA_TEST_LONG']);
const rounds = isLong ? 40 : 4;
const callsPerRound = 12;
const stage = dockerStage(limitMs);

/** Numbers that look random and are the same in every run (a linear congruence). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

test(
  'crossing calls of two Lumas never leave an instance that cannot be started',
  async () => {
    const { subject } = stage;
    const second = await subject.restarted();
    const runtimes = [subject.runtime, second];
    try {
      for (let round = 1; round <= rounds; round++) {
        const random = numbers(round);
        const spec = subject.serves();
        const id = spec.instanceId;
        await subject.runtime.prepare(spec);
        const calls = [
          (n: number) => runtimes[n]?.start(id),
          (n: number) => runtimes[n]?.stop(id, 5_000),
          (n: number) => runtimes[n]?.freeze(id),
          (n: number) => runtimes[n]?.thaw(id),
          (n: number) => runtimes[n]?.prepare(spec),
          (n: number) => runtimes[n]?.remove(id),
          (n: number) => runtimes[n]?.list(),
        ];
        const refusals: unknown[] = [];
        const made = Array.from({ length: callsPerRound }, async () => {
          const call = calls[random.next().value % calls.length];
          await call?.(random.next().value % 3 === 0 ? 1 : 0)?.catch((error) => refusals.push(error));
        });
        await Promise.all(made);
        for (const error of refusals) if (!isLumaError(error)) throw error;

        await subject.runtime.prepare(spec);
        const { address } = await subject.runtime.start(id);
        await until(`round ${round} to answer`, async () => {
          const response = await fetch(`http://${address.host}:${address.port}/`).catch(() => null);
          return response?.ok || undefined;
        });
        expect((await second.list()).map(({ instanceId, state }) => [instanceId, state])).toEqual([
          [id, 'running'],
        ]);
        await subject.runtime.remove(id);
      }
    } finally {
      await second.close();
    }
  },
  limitMs,
);

test(
  'crossing calls of one Luma are refused only for reasons that are true',
  async () => {
    const { subject } = stage;
    const { runtime } = subject;
    const allowed = ['instance_not_found', 'instance_exited'];
    for (let round = 1; round <= rounds; round++) {
      const random = numbers(round + 1_000);
      const spec = subject.serves();
      const id = spec.instanceId;
      await runtime.prepare(spec);
      const calls = [
        () => runtime.start(id),
        () => runtime.stop(id, 5_000),
        () => runtime.freeze(id),
        () => runtime.thaw(id),
        () => runtime.prepare(spec),
        () => runtime.remove(id),
      ];
      const codes: string[] = [];
      const made = Array.from({ length: callsPerRound }, async () => {
        try {
          await calls[random.next().value % calls.length]?.();
        } catch (error) {
          codes.push(isLumaError(error) ? error.code : String(error));
        }
      });
      await Promise.all(made);
      expect(codes.filter((code) => !allowed.includes(code))).toEqual([]);
      await runtime.remove(id);
    }
  },
  limitMs,
);
