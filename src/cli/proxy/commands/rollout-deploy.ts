/** `luma-proxy rollout deploy`: targets beside the service's own, for a share of its users. */
import { defineClientCommand } from '../client-command.ts';
import { readSwitch, switchOptions, targetsIn } from '../deploy-input.ts';
import { drainedLines } from '../service-text.ts';

export const rolloutDeployCommand = defineClientCommand({
  name: 'rollout deploy',
  summary:
    'bring targets for a share of the users: check that they are healthy; `rollout set` sends users there',
  args: [{ name: 'service', summary: 'a service that is deployed', completes: 'service' }],
  options: [
    {
      name: 'target',
      placeholder: 'ip:port',
      isRepeatable: true,
      summary: 'where the next version listens, repeatable',
    },
    ...switchOptions,
  ],
  examples: ['luma-proxy rollout deploy shop --target 10.0.0.6:3000'],
  async run({ client, signal, print, progress }, input) {
    const name = input.arg('service');
    const wanted = { targets: targetsIn(input), ...readSwitch(input) };
    progress(`${wanted.force ? 'taking' : 'checking'} the rollout of ${name}`);
    const deployed = await client.deployRollout(name, wanted, signal);
    const { percent = 0, list = [] } = deployed.service?.deployment?.rollout ?? {};
    const share =
      percent === 0 && list.length === 0
        ? `nobody is sent there yet: luma-proxy rollout set ${name} --percent 10`
        : `${percent}% of its users are sent there`;
    const lines = [`${name} has a rollout at ${wanted.targets.join(', ')}`, share];
    print(deployed, () => `${[...lines, ...drainedLines(deployed, wanted.drain_timeout_ms)].join('\n')}\n`);
  },
});
