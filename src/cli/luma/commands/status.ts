/** `luma status` */

import { formatFacts } from '../../table.ts';
import { defineApiCommand } from '../context.ts';
import { projectHead, projectRow } from '../project-text.ts';

export const status = defineApiCommand({
  name: 'status',
  summary: 'show how Luma and its projects are',
  examples: ['luma status', 'luma status --json'],
  run: async (context) => {
    const { client, signal } = context;
    const [health, projects] = await Promise.all([
      client.health({ signal }),
      client.listProjects({ signal }),
    ]);
    const { runtime } = health;
    const runtimeText = `${runtime.name} ${runtime.version}${runtime.available ? '' : ' (does not answer)'}`;
    context.print({ api_url: context.apiUrl, health, projects }, () => {
      const facts = formatFacts([
        ['luma', `${health.version} at ${context.apiUrl}`],
        ['status', health.status],
        ['proxy', health.proxy],
        ...(health.store === 'behind'
          ? [['store', 'cannot be written now; it is caught up later'] as const]
          : []),
        ['runtime', runtimeText],
      ]);
      return `${facts}\n${context.table(projectHead, projects.map(projectRow))}`;
    });
  },
});
