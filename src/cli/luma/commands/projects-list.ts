/** `luma projects list` */
import { defineApiCommand } from '../context.ts';
import { projectHead, projectRow } from '../project-text.ts';

export const projectsList = defineApiCommand({
  name: 'projects list',
  summary: 'list all projects',
  isDefault: true,
  examples: ['luma projects', 'luma projects list --json'],
  run: async (context) => {
    const projects = await context.client.listProjects({ signal: context.signal });
    context.print(projects, () => context.table(projectHead, projects.map(projectRow)));
  },
});
