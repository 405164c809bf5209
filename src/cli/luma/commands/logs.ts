/** `luma logs` */
import { defineApiCommand } from '../context.ts';

export const logs = defineApiCommand({
  name: 'logs',
  summary: 'print what a project’s instance wrote to stdout and stderr',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  options: [
    { name: 'follow', short: 'f', summary: 'go on with new lines until Ctrl-C' },
    { name: 'tail', short: 'n', placeholder: 'lines', summary: 'only the last so many lines' },
    { name: 'since', placeholder: 'when', summary: 'only lines since then: 10m, or 2026-01-31T08:00:00Z' },
  ],
  examples: ['luma logs hello', 'luma logs -f --tail 20 hello', 'luma logs hello --since 10m'],
  run: async (context, input) => {
    const tail = input.count('tail');
    const since = input.text('since');
    const lines = context.client.logs(input.arg('name'), {
      follow: input.isOn('follow'),
      ...(tail === undefined ? {} : { tail }),
      ...(since === undefined ? {} : { since }),
      signal: context.signal,
    });
    for await (const line of lines) context.printItem(line, () => `${line.text}\n`);
  },
});
