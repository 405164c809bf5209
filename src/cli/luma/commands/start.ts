/** `luma start` */
import { defineApiCommand } from '../context.ts';

export const start = defineApiCommand({
  name: 'start',
  summary: 'let a stopped project run again; the next request wakes it',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  examples: ['luma start hello'],
  run: async (context, input) => {
    const name = input.arg('name');
    context.progress(`starting ${name}`);
    const project = await context.client.start(name, { signal: context.signal });
    context.print(project, () => `${name} is ${project.status}\n`);
  },
});
