/** `luma completion` prints a shell's script; that asks the hidden `luma complete` for what may come next. */

import { candidates } from '../../candidates.ts';
import { type CommandSpec, defineCommand } from '../../command.ts';
import { wrongUse } from '../../command-input.ts';
import { completionScript, isShell, shells } from '../../completion-script.ts';
import type { LumaContext } from '../context.ts';

export const completion = defineCommand<LumaContext>({
  name: 'completion',
  summary: 'print the script that teaches a shell to complete luma',
  args: [{ name: 'shell', summary: 'which shell', choices: shells }],
  examples: [
    'source <(luma completion bash)',
    'luma completion zsh > ~/.zfunc/_luma',
    'luma completion fish > ~/.config/fish/completions/luma.fish',
  ],
  run: async ({ terminal }, input) => {
    const shell = input.arg('shell');
    if (!isShell(shell)) throw wrongUse(`there is no script for ${shell}`);
    terminal.writeOut(completionScript('luma', shell));
  },
});

/** How long a person who pressed Tab waits for the names of projects. */
const PROJECT_NAMES_TIMEOUT_MS = 1_000;

export function completeCommand(
  commands: () => readonly CommandSpec<LumaContext>[],
): CommandSpec<LumaContext> {
  return defineCommand({
    name: 'complete',
    summary: 'print what may come next; the last word is the one being written',
    isHidden: true,
    args: [{ name: 'line', summary: 'the words so far, joined by the unit separator' }],
    examples: [],
    run: async (context, input) => {
      const words = input.arg('line').split('\u001f');
      const found = await candidates(commands(), words, () => projectNames(context));
      context.terminal.writeOut(found.map((word) => `${word}\n`).join(''));
    },
  });
}

/** Without an API there is nothing to offer, and a prompt is no place for an error. */
async function projectNames({ client, signal }: LumaContext): Promise<readonly string[]> {
  const deadline = AbortSignal.timeout(PROJECT_NAMES_TIMEOUT_MS);
  const projects = await client.listProjects({ signal: AbortSignal.any([signal, deadline]) }).catch(() => []);
  return projects.map(({ name }) => name);
}
