/** `luma-proxy deploy`: the whole of a service in one command; returns when it is true. */
import type { Deployed, DeployRequest } from '../../../proxy/client/index.ts';
import { waitingText } from '../certificate-text.ts';
import { defineClientCommand } from '../client-command.ts';
import { deployOptions, readDeploy } from '../deploy-input.ts';
import { drainedLines, hostsText } from '../service-text.ts';

export const deployCommand = defineClientCommand({
  name: 'deploy',
  summary: 'route hosts to targets: check that the new ones are healthy, switch, drain the old ones',
  args: [{ name: 'service', summary: 'its name', completes: 'service' }],
  options: deployOptions,
  examples: [
    'luma-proxy deploy shop --host shop.example.com --target 10.0.0.5:3000',
    'luma-proxy deploy shop --host shop.example.com --target 10.0.0.6:3000 --health-check-path /up',
    'luma-proxy deploy shop --host shop.example.com --target 10.0.0.6:3000 --ssl --hsts 365d',
    'luma-proxy deploy api --host example.com --path-prefix /api --strip-path-prefix --target 127.0.0.1:4000',
  ],
  async run({ client, signal, print, progress }, input) {
    const name = input.arg('service');
    const wanted = readDeploy(input);
    progress(`${wanted.force ? 'switching' : 'checking the new targets of'} ${name}`);
    const deployed = await client.deploy(name, wanted, signal);
    print(deployed, () => deployedText(deployed, wanted));
  },
});

function deployedText(deployed: Deployed, wanted: DeployRequest): string {
  const { service } = deployed;
  const lines = [`${service.name} serves ${hostsText(service)} from ${wanted.targets.join(', ')}`];
  if (service.traffic !== 'forward') {
    lines.push(`it is still ${service.traffic}: luma-proxy resume ${service.name} lets requests through`);
  }
  lines.push(...deployed.uncertified.map(waitingText));
  return `${[...lines, ...drainedLines(deployed, wanted.drain_timeout_ms)].join('\n')}\n`;
}
