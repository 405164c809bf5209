/** `luma version` */
import { defineLocalCommand } from '../context.ts';

export function versionCommand(version: string): ReturnType<typeof defineLocalCommand> {
  return defineLocalCommand({
    name: 'version',
    summary: 'print the version',
    examples: ['luma version', 'luma version --json'],
    run: async (context) => context.print({ version }, () => `luma ${version}\n`),
  });
}
