/** `luma traffic` */
import { defineApiCommand } from '../context.ts';
import { readShares } from '../traffic-input.ts';
import { trafficHead, trafficRow, untilInForce } from '../traffic-text.ts';

export const traffic = defineApiCommand({
  name: 'traffic',
  summary: 'show which revisions get a project’s requests, or share them out',
  args: [{ name: 'name', summary: 'the project', completes: 'project' }],
  options: [
    {
      name: 'to',
      placeholder: 'revision=percent,…',
      summary: 'who gets the requests, such as 3=90,4=10; a revision is a number, or latest',
    },
    { name: 'latest', summary: 'all of them go to the latest revision, also after the next deploy' },
    {
      name: 'tag',
      placeholder: 'tag=revision',
      isRepeatable: true,
      summary: 'reach a revision as tag---hostname, whatever its percentage; repeatable',
    },
    { name: 'untag', placeholder: 'tag', isRepeatable: true, summary: 'take a tag away; repeatable' },
    { name: 'unverified', summary: 'a revision gets its share without a trial start' },
    { name: 'detach', summary: 'return at once instead of when it is in force' },
  ],
  examples: [
    'luma traffic api',
    'luma traffic api --to 3=90,4=10',
    'luma traffic api --tag next=latest',
    'luma traffic api --latest',
  ],
  run: async (context, input) => {
    const name = input.arg('name');
    const { client, signal } = context;
    const now = await client.traffic(name, { signal });
    const wanted = readShares(input, now);
    const verify = !input.isOn('unverified');
    const changed = wanted && (await client.putTraffic(name, { traffic: wanted }, { signal, verify }));
    const isWaited = changed !== null && !input.isOn('detach');
    const shown = isWaited ? await untilInForce(context, changed) : (changed ?? now);
    context.print(shown, () => context.table(trafficHead, shown.traffic.map(trafficRow)));
  },
});
