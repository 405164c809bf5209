/** The door of luma-proxy's command line: the table of its commands, and what runs it. */
import type { CommandSpec } from '../command.ts';
import { certificatesListCommand } from './commands/certificates-list.ts';
import { certificatesRenewCommand } from './commands/certificates-renew.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { deployCommand } from './commands/deploy.ts';
import { getServiceCommand } from './commands/get-service.ts';
import { listServicesCommand } from './commands/list-services.ts';
import { pauseCommand } from './commands/pause.ts';
import { removeCommand } from './commands/remove.ts';
import { resumeCommand } from './commands/resume.ts';
import { rolloutDeployCommand } from './commands/rollout-deploy.ts';
import { rolloutSetCommand } from './commands/rollout-set.ts';
import { rolloutStopCommand } from './commands/rollout-stop.ts';
import { runCommand } from './commands/run.ts';
import { setGlobalOptionCommand } from './commands/set-global-option.ts';
import { statusCommand } from './commands/status.ts';
import { stopCommand } from './commands/stop.ts';
import { versionCommand } from './commands/version.ts';
import type { ProxyContext } from './context.ts';

export { runProgram } from '../program.ts';
export type { Terminal } from '../terminal.ts';
export type { AcmeRunSettings, Secret } from './acme-options.ts';
export type { ProxyContext } from './context.ts';
export type { RunSettings } from './run-settings.ts';

/** What each group of commands is about. */
export const proxyGroups = {
  rollout: 'send a share of the users to other targets',
  certificates: 'certificates: list them, order one again',
};

export const proxyCommands: readonly CommandSpec<ProxyContext>[] = [
  runCommand,
  deployCommand,
  removeCommand,
  getServiceCommand,
  listServicesCommand,
  pauseCommand,
  resumeCommand,
  stopCommand,
  rolloutDeployCommand,
  rolloutSetCommand,
  rolloutStopCommand,
  setGlobalOptionCommand,
  certificatesListCommand,
  certificatesRenewCommand,
  statusCommand,
  completionCommand,
  versionCommand,
  completeCommand(() => proxyCommands),
];
