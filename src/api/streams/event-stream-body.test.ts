import { expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import { type StreamBodyOptions, streamBody } from './event-stream-body.ts';

interface QuietBody {
  readonly body: ReadableStream<Uint8Array>;
  readonly controller: AbortController;
  /** Resolves when the source was asked for its first item. */
  readonly asked: Promise<void>;
  readonly failures: readonly unknown[];
}

/** A body over a source that never says anything. */
function quietBody(): QuietBody {
  const failures: unknown[] = [];
  const asked = Promise.withResolvers<void>();
  const controller = new AbortController();
  const options: StreamBodyOptions<string> = {
    source: {
      next() {
        asked.resolve();
        return new Promise(() => undefined);
      },
      return: async () => ({ done: true, value: undefined }),
    },
    encode: (item) => item,
    encodeFailure: (error) => {
      failures.push(error);
      return '';
    },
    clock: new ManualClock(),
    controller,
  };
  return { body: streamBody(options), failures, controller, asked: asked.promise };
}

test('a reader that goes away while the source is quiet ends the stream without a failure', async () => {
  const { body, failures, controller, asked } = quietBody();
  const reader = body.getReader();
  const read = reader.read();
  await asked;
  await reader.cancel();
  expect((await read).done).toBe(true);
  await Bun.sleep(0);
  expect(controller.signal.aborted).toBe(true);
  expect(failures).toEqual([]);
});

test('a stream that is ended from within closes for its reader', async () => {
  const { body, failures, controller, asked } = quietBody();
  const read = body.getReader().read();
  await asked;
  controller.abort();
  expect((await read).done).toBe(true);
  expect(failures).toEqual([]);
});
