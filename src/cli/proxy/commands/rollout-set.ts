/** `luma-proxy rollout set`: how many users, and which ones, a rollout has. */
import type { RolloutSetRequest } from '../../../proxy/client/index.ts';
import type { CommandInput } from '../../command-input.ts';
import { wrongUse } from '../../command-input.ts';
import { defineClientCommand } from '../client-command.ts';
import { rolloutText } from '../service-text.ts';

export const rolloutSetCommand = defineClientCommand({
  name: 'rollout set',
  summary: 'send a share of the users to the rollout; the same user always meets the same side',
  args: [{ name: 'service', summary: 'a service with a rollout', completes: 'service' }],
  options: [
    { name: 'percent', placeholder: '0-100', summary: 'how many of the users, in percent' },
    {
      name: 'list',
      placeholder: 'value',
      isRepeatable: true,
      summary:
        'values of the cookie whose users have it in any case, repeatable; an empty one clears the list',
    },
    {
      name: 'cookie',
      placeholder: 'name',
      summary:
        'cookie that tells users apart; an app may set it to its own id of a user (default: luma-rollout)',
    },
  ],
  examples: [
    'luma-proxy rollout set shop --percent 10',
    'luma-proxy rollout set shop --percent 10 --list user-1 --list user-2',
    'luma-proxy rollout set shop --percent 50 --cookie kamal-rollout',
  ],
  async run({ client, signal, print }, input) {
    const name = input.arg('service');
    const service = await client.setRollout(name, readShare(input), signal);
    const rollout = service.deployment?.rollout;
    print(service, () => (rollout ? `${name} sends ${rolloutText(rollout)}\n` : ''));
  },
});

function readShare(input: CommandInput): RolloutSetRequest {
  const percent = input.text('percent');
  const list = input.list('list');
  const cookie = input.text('cookie');
  if (percent === undefined && list.length === 0 && cookie === undefined)
    throw wrongUse('nothing is said of the rollout', 'say how many users it has: --percent 10');
  if (percent !== undefined && !isPercent(percent))
    throw wrongUse(`--percent must be a number from 0 to 100, not ${JSON.stringify(percent)}`);
  return {
    ...(percent === undefined ? {} : { percent: Number(percent.replace(/%$/, '')) }),
    ...(list.length === 0 ? {} : { list: list.filter((value) => value !== '') }),
    ...(cookie === undefined ? {} : { cookie }),
  };
}

function isPercent(text: string): boolean {
  return /^\d{1,3}(\.\d{1,4})?%?$/.test(text) && Number(text.replace(/%$/, '')) <= 100;
}
