/** `luma-proxy version`: of this program, and of the daemon if one answers. */
import { isLumaError } from '../../../base/errors.ts';
import { defineCommand } from '../../command.ts';
import { clientOptions, proxyClient } from '../client-options.ts';
import type { ProxyContext } from '../context.ts';

export const versionCommand = defineCommand<ProxyContext>({
  name: 'version',
  summary: 'show the version of this program and of the running daemon',
  options: clientOptions,
  examples: ['luma-proxy version', 'luma-proxy version --json'],
  async run(context, input) {
    const { terminal, version } = context;
    const daemon = await proxyClient(context, input)
      .health(terminal.signal)
      .catch((error: unknown) => {
        // Without a daemon the question still has an answer.
        if (isLumaError(error, 'proxy_unreachable')) return null;
        throw error;
      });
    if (input.isOn('json')) {
      terminal.writeOut(`${JSON.stringify({ version, daemon: daemon?.version ?? null })}\n`);
      return;
    }
    terminal.writeOut(`luma-proxy ${version}\n`);
    terminal.writeOut(daemon ? `daemon ${daemon.version}\n` : 'daemon not running\n');
  },
});
