/** `luma events` */
import { defineApiCommand } from '../context.ts';
import { eventLine } from '../project-text.ts';

export const events = defineApiCommand({
  name: 'events',
  summary: 'show what happened to a project: wakes with their durations, sleeps, failures',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  options: [
    { name: 'follow', short: 'f', summary: 'go on with new events until Ctrl-C' },
    { name: 'limit', short: 'n', placeholder: 'count', summary: 'at most so many, the newest' },
  ],
  examples: ['luma events hello', 'luma events -f hello', 'luma events hello --limit 5 --json'],
  run: async (context, input) => {
    const { client, signal } = context;
    const name = input.arg('name');
    const limit = input.count('limit');
    const newestFirst = await client.events(name, { ...(limit === undefined ? {} : { limit }), signal });
    const past = newestFirst.toReversed();
    if (!input.isOn('follow')) return context.print(past, () => past.map(eventLine).join(''));
    for (const event of past) context.printItem(event, () => eventLine(event));
    const after = past.at(-1)?.id ?? 0;
    for await (const event of client.followEvents(name, { after, signal })) {
      context.printItem(event, () => eventLine(event));
    }
  },
});
