/** The door of the platform's command line. */
import type { CommandSpec, OptionSpec } from '../command.ts';
import { runProgram } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { commandHints } from './command-hints.ts';
import { completeCommand, completion } from './commands/completion.ts';
import { deploy } from './commands/deploy.ts';
import { events } from './commands/events.ts';
import { logs } from './commands/logs.ts';
import { projectsAdd } from './commands/projects-add.ts';
import { projectsList } from './commands/projects-list.ts';
import { projectsRemove } from './commands/projects-remove.ts';
import { projectsShow } from './commands/projects-show.ts';
import { registriesList } from './commands/registries-list.ts';
import { registriesLogin } from './commands/registries-login.ts';
import { registriesLogout } from './commands/registries-logout.ts';
import { revisions } from './commands/revisions.ts';
import { rollback } from './commands/rollback.ts';
import { secretsRotateKey } from './commands/secrets-rotate-key.ts';
import { sleep } from './commands/sleep.ts';
import { start } from './commands/start.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { traffic } from './commands/traffic.ts';
import { type HostProgram, serverCommand, upCommand } from './commands/up.ts';
import { versionCommand } from './commands/version.ts';
import { wake } from './commands/wake.ts';
import { createLumaContext, type LumaContext } from './context.ts';

export type { HostProgram, OptionSpec, Terminal };

export interface LumaCliOptions {
  readonly version: string;
  readonly terminal: Terminal;
  readonly defaultApiUrl: () => string;
  /** What runs in the foreground; `bin` builds them. */
  readonly up: HostProgram;
  readonly server: HostProgram;
}

/** Runs one command line and returns the exit code. */
export function runLumaCli(options: LumaCliOptions, argv: readonly string[]): Promise<number> {
  const commands: readonly CommandSpec<LumaContext>[] = lumaCommands(options);
  return runProgram(
    {
      name: 'luma',
      summary:
        'Cloud Run on your own server: containers that start when a request arrives and sleep when it is quiet.',
      version: options.version,
      commands,
      hints: commandHints,
      groups: {
        projects: 'list, add, show and remove projects',
        registries: 'say who Luma is at image registries',
        secrets: 'change the key that stored secrets are encrypted with',
      },
      context: (input) => createLumaContext(options, input),
    },
    argv,
    options.terminal,
  );
}

export function lumaCommands({
  version,
  up,
  server,
}: Pick<LumaCliOptions, 'version' | 'up' | 'server'>): readonly CommandSpec<LumaContext>[] {
  const commands: readonly CommandSpec<LumaContext>[] = [
    upCommand(up),
    serverCommand(server),
    status,
    projectsList,
    projectsAdd,
    projectsShow,
    projectsRemove,
    deploy,
    revisions,
    rollback,
    traffic,
    logs,
    events,
    wake,
    sleep,
    stop,
    start,
    registriesList,
    registriesLogin,
    registriesLogout,
    secretsRotateKey,
    completion,
    versionCommand(version),
    completeCommand(() => commands),
  ];
  return commands;
}
