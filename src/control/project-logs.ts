/** A project's output: that of its instance, and of the one that replaces it. */
import type { LogLine, Runtime } from '../runtimes/contract.ts';
import type { LogQuery } from './contract.ts';
import type { ProjectSupervisor } from './projects/project-supervisor.ts';

export async function* projectLogs(
  supervisor: ProjectSupervisor,
  runtime: Runtime,
  query: LogQuery,
): AsyncGenerator<LogLine> {
  const { follow = false, signal } = query;
  let id = await instanceWithOutput(supervisor, null, follow, signal);
  let options = query;
  while (id !== null && !signal?.aborted) {
    yield* runtime.logs(id, options);
    if (!follow) return;
    // It was removed: the next one's output from its beginning.
    id = await instanceWithOutput(supervisor, id, follow, signal);
    options = { follow, ...(signal ? { signal } : {}) };
  }
}

/** The current instance once it can have written something; a follower waits for it. */
async function instanceWithOutput(
  supervisor: ProjectSupervisor,
  after: string | null,
  waits: boolean,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  for (;;) {
    const id = supervisor.voice;
    const entry = supervisor.state?.instances.find((other) => other.id === id);
    if (entry && entry.id !== after && entry.state !== 'preparing') return entry.id;
    if (!waits || signal?.aborted || supervisor.state?.wanted === 'deleted') return null;
    await nextChange(supervisor, signal);
  }
}

function nextChange(supervisor: ProjectSupervisor, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      stop();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const stop = supervisor.onChange(end);
    signal?.addEventListener('abort', end, { once: true });
  });
}
