/** Keeps a program alive, and quiet, when the reader of its output goes away (`luma logs -f | head`). */
import type { EventEmitter } from 'node:events';

export interface StandardStreams {
  readonly stdout: Pick<EventEmitter, 'on'>;
  readonly stderr: Pick<EventEmitter, 'on'>;
}

/**
 * Nobody reads stdout any more: `onStdoutGone` decides (a command ends, a server goes on).
 * A lost stderr is ignored: there is nowhere left to say it.
 */
export function guardStandardStreams(onStdoutGone: () => void, streams: StandardStreams = process): void {
  let isGone = false;
  streams.stdout.on('error', () => {
    if (isGone) return;
    isGone = true;
    onStdoutGone();
  });
  streams.stderr.on('error', () => {
    // Without a listener the runtime would end the process.
  });
}
