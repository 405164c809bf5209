/** `luma-proxy completion` prints a shell's script; that asks the hidden `luma-proxy complete` for what may come next. */
import { candidates } from '../../candidates.ts';
import type { CommandSpec } from '../../command.ts';
import { defineCommand } from '../../command.ts';
import { wrongUse } from '../../command-input.ts';
import { completionScript, isShell, shells } from '../../completion-script.ts';
import { clientOptions, proxyClient } from '../client-options.ts';
import type { ProxyContext } from '../context.ts';

export const completionCommand = defineCommand<ProxyContext>({
  name: 'completion',
  summary: 'print the script that teaches a shell to complete luma-proxy',
  args: [{ name: 'shell', summary: 'which shell', choices: shells }],
  examples: [
    'source <(luma-proxy completion bash)',
    'luma-proxy completion zsh > ~/.zfunc/_luma-proxy',
    'luma-proxy completion fish > ~/.config/fish/completions/luma-proxy.fish',
  ],
  run: async ({ terminal }, input) => {
    const shell = input.arg('shell');
    if (!isShell(shell)) throw wrongUse(`there is no script for ${shell}`);
    terminal.writeOut(completionScript('luma-proxy', shell));
  },
});

/** How long a person who pressed Tab waits for the names of services. */
const SERVICE_NAMES_TIMEOUT_MS = 1_000;

export function completeCommand(
  commands: () => readonly CommandSpec<ProxyContext>[],
): CommandSpec<ProxyContext> {
  return defineCommand({
    name: 'complete',
    summary: 'print what may come next; the last word is the one being written',
    isHidden: true,
    args: [{ name: 'line', summary: 'the words so far, joined by the unit separator' }],
    options: clientOptions,
    examples: [],
    run: async (context, input) => {
      const words = input.arg('line').split('\u001f');
      // Without a daemon there is nothing to offer, and a prompt is no place for an error.
      const serviceNames = async (): Promise<readonly string[]> => {
        const signal = AbortSignal.timeout(SERVICE_NAMES_TIMEOUT_MS);
        const services = await proxyClient(context, input)
          .listServices(signal)
          .catch(() => []);
        return services.map(({ name }) => name);
      };
      const found = await candidates(commands(), words, serviceNames);
      context.terminal.writeOut(found.map((word) => `${word}\n`).join(''));
    },
  });
}
