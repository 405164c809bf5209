/** luma-proxy's command line over the real terminal: the daemon and its client. */
import { proxyCommands, proxyGroups, runProgram } from '../cli/proxy/index.ts';
import { composeProxy } from './compose-proxy.ts';
import { processTerminal } from './process-terminal.ts';
import { listenForStop } from './stop-signal.ts';
import { version } from './version.ts';

/** Returns the exit code. */
export function runProxyCommand(words: readonly string[]): Promise<number> {
  // The daemon ends in its own way, and goes on without anybody reading what it says.
  const isDaemon = words[0] === 'run';
  const signal = isDaemon ? new AbortController().signal : listenForStop().signal;
  const terminal = processTerminal(signal, !isDaemon);
  const program = {
    name: 'luma-proxy',
    summary: 'The always-on edge of Luma: routes requests to services, holds them while one wakes.',
    version,
    commands: proxyCommands,
    groups: proxyGroups,
    context: () => composeProxy(terminal),
  };
  return runProgram(program, words, terminal);
}
