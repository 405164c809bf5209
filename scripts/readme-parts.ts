/** The parts of the README that are made from tables: each stands between its two markers. */
import { settingsTable } from '../src/bin/config/reference.ts';
import { lumaCommands } from '../src/cli/luma/index.ts';

/** The README with every part made anew. */
export function withFreshParts(readme: string): string {
  const parts = { commands: commandsTable(), settings: settingsTable() };
  return Object.entries(parts).reduce((text, [name, part]) => {
    const marked = new RegExp(`<!-- ${name} -->\\n[^]*?<!-- /${name} -->\\n`);
    if (!marked.test(text)) throw new Error(`the README has no part ${name}`);
    return text.replace(marked, () => `<!-- ${name} -->\n${part}<!-- /${name} -->\n`);
  }, readme);
}

function commandsTable(): string {
  const host = { options: [], run: () => Promise.resolve() };
  const rows = lumaCommands({ version: '', up: host, server: host })
    .filter(({ isHidden }) => !isHidden)
    .map(({ name, args = [], summary }) => {
      const words = args.map((arg) => (arg.isOptional ? `[${arg.name}]` : `<${arg.name}>`));
      return `| \`luma ${[name, ...words].join(' ')}\` | ${summary} |\n`;
    });
  return `| Command | |\n|---|---|\n${rows.join('')}`;
}
