/** `luma sleep` */
import { defineApiCommand } from '../context.ts';

export const sleep = defineApiCommand({
  name: 'sleep',
  summary: 'put a project to sleep now, unless it is busy',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  examples: ['luma sleep hello'],
  run: async (context, input) => {
    const name = input.arg('name');
    context.progress(`putting ${name} to sleep`);
    const project = await context.client.sleep(name, { signal: context.signal });
    context.print(project, () => `${name} is ${project.status}\n`);
  },
});
