#!/usr/bin/env bun
/** The program `luma`: the platform's command line, and the platform itself. */
import { homeFolder } from '../base/home-folder.ts';
import { formatAuthority } from '../base/host-name.ts';
import { type HostProgram, runLumaCli } from '../cli/luma/index.ts';
import { type LoadedConfig, loadConfig } from './config/load-config.ts';
import type { SettingUser } from './config/settings.ts';
import { hostOptions, readHostFlags } from './host-options.ts';
import { processTerminal } from './process-terminal.ts';
import { listenForStop } from './stop-signal.ts';
import { version } from './version.ts';

const argv = process.argv.slice(2);
const isServer = ['up', 'server'].includes(argv[0] ?? '');
const stop = listenForStop();
// A server goes on without anybody reading; a command has nobody left to answer.
const terminal = processTerminal(stop.signal, !isServer);

function configFrom(given: Parameters<typeof readHostFlags>[0]): LoadedConfig {
  const { env, cwd } = terminal;
  return loadConfig({ ...readHostFlags(given), env, cwd, home: homeFolder() });
}

/** The server is loaded only by the commands that are one: the others start faster without it. */
function hostProgram(command: SettingUser): HostProgram {
  return {
    options: hostOptions(command),
    run: async (given) => {
      const loaded = configFrom(given);
      const { runHost } = await import('./compose-server.ts');
      await runHost({ command, loaded, terminal, stop, version });
    },
  };
}

function defaultApiUrl(): string {
  const { apiHost, apiPort } = configFrom({}).config;
  return `http://${formatAuthority(apiHost, apiPort)}`;
}

const exitCode = await runLumaCli(
  { version, terminal, defaultApiUrl, up: hostProgram('up'), server: hostProgram('server') },
  argv,
);
process.exit(exitCode);
