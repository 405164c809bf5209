/** `luma logs` */
import { defineApiCommand } from '../context.ts';

export const logs = defineApiCommand({
  name: 'logs',
  summary: 'print what a project’s instances wrote to stdout and stderr',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  options: [
    { name: 'follow', short: 'f', summary: 'go on with new lines until Ctrl-C' },
    { name: 'tail', short: 'n', placeholder: 'lines', summary: 'only the last so many lines' },
    { name: 'since', placeholder: 'when', summary: 'only lines since then: 10m, or 2026-01-31T08:00:00Z' },
    { name: 'revision', placeholder: 'number', summary: 'only what instances of that revision wrote' },
    { name: 'prefix', summary: 'say before each line which revision and instance wrote it' },
  ],
  examples: [
    'luma logs hello',
    'luma logs -f --tail 20 hello',
    'luma logs hello --since 10m',
    'luma logs hello --prefix --revision 3',
  ],
  run: async (context, input) => {
    const tail = input.count('tail');
    const since = input.text('since');
    const revision = input.count('revision');
    const isPrefixed = input.isOn('prefix');
    const lines = context.client.logs(input.arg('name'), {
      follow: input.isOn('follow'),
      ...(tail === undefined ? {} : { tail }),
      ...(since === undefined ? {} : { since }),
      ...(revision === undefined ? {} : { revision }),
      signal: context.signal,
    });
    for await (const line of lines) {
      const prefix = isPrefixed ? `${line.revision} ${line.instance} | ` : '';
      context.printItem(line, () => `${prefix}${line.text}\n`);
    }
  },
});
