#!/usr/bin/env bun
/** The program `luma-proxy`: the edge's daemon and its client; and its workers, which load nothing of either. */
const words = process.argv.slice(2);
const exitCode =
  words[0] === 'worker'
    ? await (await import('./compose-worker.ts')).runWorker(words.slice(1))
    : await (await import('./proxy-commands.ts')).runProxyCommand(words);
process.exit(exitCode);

export {};
