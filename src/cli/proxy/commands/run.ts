/** `luma-proxy run`: the always-on daemon, in the foreground. */
import { defineCommand } from '../../command.ts';
import type { ProxyContext } from '../context.ts';
import { readRunSettings, runOptions } from '../run-settings.ts';

export const runCommand = defineCommand<ProxyContext>({
  name: 'run',
  summary: 'serve, in the foreground, until a signal ends it',
  options: runOptions,
  examples: [
    'luma-proxy run',
    'luma-proxy run --http-port 8080 --workers 1 --state-dir ./state --socket-path ./luma-proxy.sock',
  ],
  async run(context, input) {
    const { isRoot, home, cpuCount, terminal } = context;
    await context.run(readRunSettings(input, { isRoot, home, cpuCount, env: terminal.env }));
  },
});
