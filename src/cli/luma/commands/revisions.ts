/** `luma revisions` */
import { defineApiCommand } from '../context.ts';
import { revisionHead, revisionRow } from '../revision-text.ts';

export const revisions = defineApiCommand({
  name: 'revisions',
  summary: 'list what a project can be rolled back to, and what gets its requests',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  examples: ['luma revisions api', 'luma revisions api --json'],
  run: async (context, input) => {
    const list = await context.client.revisions(input.arg('name'), { signal: context.signal });
    context.print(list, () => context.table(revisionHead, list.map(revisionRow)));
  },
});
