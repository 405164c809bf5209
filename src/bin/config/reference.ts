/** The settings as a Markdown table: the README holds it, and a test holds the README to it. */
import { flagOf, initialTextOf, settingKeys, settings, variableOf } from './settings.ts';

export function settingsTable(): string {
  const rows = settingKeys.map((key) => {
    const { kind, summary } = settings[key];
    const flag = kind.placeholder
      ? `${flagOf(key)} <${kind.placeholder.replaceAll('|', '\\|')}>`
      : flagOf(key);
    return `| \`${flag}\` | \`${variableOf(key)}\` | \`${key}\` | \`${initialTextOf(key)}\` | ${summary} |`;
  });
  const head = '| Flag | Variable | In `luma.config.yml` | Default | Meaning |\n|---|---|---|---|---|';
  return `${head}\n${rows.join('\n')}\n`;
}
