/** `luma stop` */
import { defineApiCommand } from '../context.ts';

export const stop = defineApiCommand({
  name: 'stop',
  summary: 'stop a project: requests get 503 until it is started again',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  examples: ['luma stop hello'],
  run: async (context, input) => {
    const name = input.arg('name');
    context.progress(`stopping ${name}`);
    const project = await context.client.stop(name, { signal: context.signal });
    context.print(project, () => `${name} is ${project.status}\n`);
  },
});
