/** `luma projects remove` */
import { defineApiCommand } from '../context.ts';

export const projectsRemove = defineApiCommand({
  name: 'projects remove',
  summary: 'remove a project, after its requests in flight have finished',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  examples: ['luma projects remove hello'],
  run: async (context, input) => {
    const name = input.arg('name');
    context.progress(`removing ${name}: its requests in flight may finish, then it stops`);
    await context.client.deleteProject(name, { signal: context.signal });
    context.print({ name, removed: true }, () => `removed ${name}\n`);
  },
});
