/** The last lines an instance wrote, for whoever has to find out why it ended. */
import { type Clock, delay } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Runtime } from '../../runtimes/contract.ts';

const LINES_MAX = 20;
const LINE_CHARS_MAX = 500;
/** People wait for the reason: what is not here by then is left out. */
const READ_MAX_MS = 250;

/** Files are stamped by a clock that ticks every 4 or 10 ms, so a line may seem to be older than it is. */
const STAMP_SLACK_MS = 10;

interface Needs {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
}

/** `startBeganAt`: the lines of earlier lives are left out; null where nobody knows when this one began. */
export async function recentLines(
  { runtime, clock, log }: Needs,
  instanceId: string,
  startBeganAt: number | null,
): Promise<readonly string[]> {
  const options = {
    tail: LINES_MAX,
    ...(startBeganAt === null ? {} : { since: startBeganAt - STAMP_SLACK_MS }),
  };
  const lines: string[] = [];
  const controller = new AbortController();
  const read = async (): Promise<void> => {
    for await (const line of runtime.logs(instanceId, { ...options, signal: controller.signal })) {
      if (lines.push(line.text.slice(0, LINE_CHARS_MAX)) >= LINES_MAX) return;
    }
  };
  const timeout = delay(clock, READ_MAX_MS, controller.signal).catch(() => undefined);
  const reading = read().catch((error: unknown) => {
    if (controller.signal.aborted) return;
    log.debug('no log lines', { instance: instanceId, error: messageOf(error) });
  });
  await Promise.race([reading, timeout]);
  controller.abort();
  return [...lines];
}
