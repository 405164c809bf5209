/** `luma projects add` */
import { defineApiCommand } from '../context.ts';
import { projectOptions, readProject } from '../project-input.ts';
import { projectFacts } from '../project-text.ts';

export const projectsAdd = defineApiCommand({
  name: 'projects add',
  summary: 'register a project; the next request to its hostname wakes it',
  args: [{ name: 'name', summary: 'its name: lower-case letters, digits and dashes', isOptional: true }],
  options: projectOptions,
  examples: [
    'luma projects add web --image nginxdemos/hello --hostname web.localhost --port 80',
    'luma projects add api --command "bun server.ts" --working-dir /srv/api --hostname api.localhost',
    'luma projects add api --image api:7 --hostname api.localhost --env APP_ENV=production --idle-timeout 5m',
    'luma projects add -f project.json',
  ],
  run: async (context, input) => {
    const project = await readProject(input, context.terminal.readText);
    const created = await context.client.createProject(project, { signal: context.signal });
    context.print(created, () => projectFacts(created));
  },
});
