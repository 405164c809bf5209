/** `luma wake` */
import { formatDuration } from '../../../base/duration.ts';
import { defineApiCommand } from '../context.ts';

export const wake = defineApiCommand({
  name: 'wake',
  summary: 'wake a project and wait until it answers',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  examples: ['luma wake hello'],
  run: async (context, input) => {
    const name = input.arg('name');
    context.progress(`waking ${name}`);
    const project = await context.client.wake(name, { signal: context.signal });
    const tookMs = project.wake_duration_ms;
    const how = tookMs === 0 ? 'was awake already' : `woke in ${formatDuration(tookMs)}`;
    context.print(project, () => `${name} ${how}\n`);
  },
});
