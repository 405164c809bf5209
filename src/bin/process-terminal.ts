/** The real terminal: this process's streams, files and signals. */
import { readFile } from 'node:fs/promises';
import type { Terminal } from '../cli/luma/index.ts';
import { guardStandardStreams } from '../telemetry/index.ts';
import { readHiddenLine } from './hidden-line.ts';

/** Exit code of a command whose reader went away: it has done its work. */
const READER_GONE = 0;

/** `endsWithReader`: true for a command, false for a server, which goes on without anybody reading. */
export function processTerminal(signal: AbortSignal, endsWithReader: boolean): Terminal {
  guardStandardStreams(() => {
    if (endsWithReader) process.exit(READER_GONE);
  });
  return {
    writeOut: (text) => void process.stdout.write(text),
    writeErr: (text) => void process.stderr.write(text),
    readText: (path) => (path === '-' ? Bun.stdin.text() : readFile(path, 'utf8')),
    readHidden: (prompt) => readHiddenLine(prompt, signal),
    isOutTty: process.stdout.isTTY === true,
    isErrTty: process.stderr.isTTY === true,
    env: process.env,
    cwd: process.cwd(),
    signal,
  };
}
