/** `luma rollback` */
import { defineApiCommand } from '../context.ts';
import { untilServing } from '../revision-text.ts';

export const rollback = defineApiCommand({
  name: 'rollback',
  summary: 'go back to an earlier revision, with its settings and the very image it had',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  options: [
    { name: 'revision', placeholder: 'number', summary: 'which one; default: the one before' },
    { name: 'unverified', summary: 'a sleeping project takes the revision without a trial start' },
    { name: 'detach', summary: 'return at once instead of when it serves' },
  ],
  examples: ['luma rollback api', 'luma rollback api --revision 3'],
  run: async (context, input) => {
    const name = input.arg('name');
    const revision = input.count('revision');
    const verify = !input.isOn('unverified');
    const wanted = { ...(revision === undefined ? {} : { revision }), verify };
    const changed = await context.client.rollback(name, wanted, { signal: context.signal });
    const project = input.isOn('detach') || !verify ? changed : await untilServing(context, changed);
    context.print(project, () => `${name} is back at revision ${project.revision}\n`);
  },
});
