/** `luma projects show` */
import { defineApiCommand } from '../context.ts';
import { projectFacts } from '../project-text.ts';

export const projectsShow = defineApiCommand({
  name: 'projects show',
  summary: 'show one project: its settings, status and instances',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  examples: ['luma projects show hello', 'luma projects show hello --json'],
  run: async (context, input) => {
    const project = await context.client.getProject(input.arg('name'), { signal: context.signal });
    context.print(project, () => projectFacts(project));
  },
});
