/** What the runtime adds to a start: its calls beside the same calls made by hand, interleaved in one run. */
import { expect, test } from 'bun:test';
import { dockerStage } from './docker-stage.ts';

const rounds = process.env['LUMA_TEST_LONG'] ? 100 : 10;
/** Calls that find everything as they want it: what they take is all overhead. */
const idleCalls = 30;
/** Generous, for a busy machine: the printed numbers are what counts. */
const overheadMsMax = 5;
const limitMs = 300_000;
const stage = dockerStage(limitMs);

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ??
  Number.NaN;

async function timed<T>(into: number[], run: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await run();
  into.push(performance.now() - startedAt);
  return result;
}

/** The API with nothing around it. */
const byHand = async (method: string, path: string): Promise<void> => {
  const unix = stage.engine.dockerHost.replace('unix://', '');
  const response = await fetch(`http://engine${path}`, { method, unix });
  await response.arrayBuffer();
  if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status}`);
};

test(
  'a start through the runtime costs what the calls by hand cost, and little more',
  async () => {
    const { subject } = stage;
    const { runtime } = subject;
    const spec = subject.spec({ image: 'luma-test/busybox' });
    const stopWatching = runtime.watch(() => undefined);
    await runtime.prepare(spec);
    // Its first start leaves it with a sandbox, whatever else was made ahead.
    await runtime.start(spec.instanceId);
    await runtime.stop(spec.instanceId, 0);
    const container = `/containers/${await subject.containerOf(spec.instanceId)}`;
    const times = {
      runtime: [],
      byHand: [],
      start: [],
      inspect: [],
      thaw: [],
      unpause: [],
      idleRuntime: [],
      idleByHand: [],
    } as Record<string, number[]>;
    const row = (name: string): number[] => times[name] ?? [];
    for (let round = 0; round < rounds; round++) {
      await timed(row('byHand'), async () => {
        await timed(row('start'), () => byHand('POST', `${container}/start`));
        await timed(row('inspect'), () => byHand('GET', `${container}/json`));
      });
      await byHand('POST', `${container}/pause`);
      await timed(row('unpause'), () => byHand('POST', `${container}/unpause`));
      await runtime.stop(spec.instanceId, 0);
      await timed(row('runtime'), () => runtime.start(spec.instanceId));
      await runtime.freeze(spec.instanceId);
      await timed(row('thaw'), () => runtime.thaw(spec.instanceId));
      await runtime.stop(spec.instanceId, 0);
    }
    await runtime.start(spec.instanceId);
    for (let call = 0; call < idleCalls; call++) {
      await timed(row('idleRuntime'), () => runtime.start(spec.instanceId));
      await timed(row('idleByHand'), async () => {
        await byHand('POST', `${container}/start`);
        await byHand('GET', `${container}/json`);
      });
    }
    for (const [name, values] of Object.entries(times)) {
      console.log(
        `${name.padEnd(11)} p50 ${percentile(values, 0.5).toFixed(1)} ms, p95 ${percentile(values, 0.95).toFixed(1)} ms`,
      );
    }
    stopWatching();
    // A real start varies by more than the runtime could ever add; the fastest idle call shows it alone.
    expect(Math.min(...row('idleRuntime')) - Math.min(...row('idleByHand'))).toBeLessThan(overheadMsMax);
  },
  limitMs,
);
