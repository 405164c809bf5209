/** What every client command of luma-proxy takes. */
import type { ProxyClient } from '../../proxy/client/index.ts';
import type { OptionSpec } from '../command.ts';
import type { CommandInput } from '../command-input.ts';
import type { ProxyContext } from './context.ts';
import { defaultSocketPath } from './default-paths.ts';
import { SettingsInput } from './settings-input.ts';

export const clientOptions: readonly OptionSpec[] = [
  {
    name: 'socket-path',
    placeholder: 'path',
    summary: 'management socket of the daemon (LUMA_PROXY_SOCKET_PATH)',
  },
  { name: 'json', summary: 'print JSON' },
];

export function proxyClient(context: ProxyContext, input: CommandInput): ProxyClient {
  const { isRoot, home, terminal } = context;
  const named = new SettingsInput(input, terminal.env).text('socket-path');
  return context.client(named ?? defaultSocketPath({ isRoot, home, env: terminal.env }));
}

/** Of the commands that return when nothing runs any more. */
export const waitForDrainOption: OptionSpec = {
  name: 'drain-timeout',
  placeholder: 'duration',
  summary: 'how long to wait for running requests; they are not cut (default: 30s)',
};
