/** The door of luma-proxy's command line: the table of its commands, and what runs it. */
import type { CommandSpec } from '../command.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { versionCommand } from './commands/version.ts';
import { workerCommand } from './commands/worker.ts';
import type { ProxyContext } from './context.ts';

export { runProgram } from '../program.ts';
export type { Terminal } from '../terminal.ts';
export type { ProxyContext, WorkSettings } from './context.ts';
export type { RunSettings } from './run-settings.ts';

export const proxyCommands: readonly CommandSpec<ProxyContext>[] = [
  runCommand,
  statusCommand,
  versionCommand,
  workerCommand,
];
