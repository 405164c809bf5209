/** Reads one line from the person at the terminal without showing it. Owns the terminal's mode while it reads. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Null where nobody is there to ask. Ctrl-C ends it as the signal does. */
export async function readHiddenLine(prompt: string, signal: AbortSignal): Promise<string | null> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) return null;
  stderr.write(prompt);
  // What readline would echo goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: true });
  const interrupted = new AbortController();
  lines.on('SIGINT', () => interrupted.abort());
  try {
    return await firstLine(lines, AbortSignal.any([signal, interrupted.signal]));
  } finally {
    lines.close();
    stdin.pause();
    stderr.write('\n');
  }
}

function firstLine(lines: ReturnType<typeof createInterface>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
}
