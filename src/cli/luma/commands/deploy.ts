/** `luma deploy` */
import { defineApiCommand } from '../context.ts';
import { projectOptions, readChanges } from '../project-input.ts';
import { unservedText, untilServing } from '../revision-text.ts';

export const deploy = defineApiCommand({
  name: 'deploy',
  summary: 'change a project: the new revision proves itself first, the old one serves until then',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  options: [
    ...projectOptions,
    {
      name: 'traffic',
      isNegatable: true,
      summary: 'the new revision gets requests; --no-traffic: none until luma traffic says so',
    },
    { name: 'tag', placeholder: 'tag', summary: 'reach the new revision as tag---hostname' },
    { name: 'unverified', summary: 'a sleeping project takes the revision without a trial start' },
    { name: 'detach', summary: 'return at once instead of when it serves' },
  ],
  examples: [
    'luma deploy api --image api:8',
    'luma deploy api --env LEVEL=debug --detach',
    'luma deploy api --image api:8 --unverified',
    'luma deploy api --image api:8 --no-traffic --tag next',
  ],
  run: async (context, input) => {
    const name = input.arg('name');
    const tag = input.text('tag');
    const changes = await readChanges(input, context.terminal.readText);
    const verify = !input.isOn('unverified');
    const changed = await context.client.patchProject(name, changes, {
      ...{ signal: context.signal, verify },
      ...(input.choice('traffic') === false ? { noTraffic: true } : {}),
      ...(tag === undefined ? {} : { tag }),
    });
    const unserved = unservedText(changed);
    if (unserved !== null) {
      context.print(changed, () => unserved);
      return;
    }
    const project = input.isOn('detach') || !verify ? changed : await untilServing(context, changed);
    const text = `revision ${project.revision} of ${name} ${project === changed ? 'is deployed' : 'serves'}\n`;
    context.print(project, () => text);
  },
});
