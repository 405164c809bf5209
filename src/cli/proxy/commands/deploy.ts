/** `luma-proxy deploy`: the whole of a service in one command; returns when it is true. */
import { formatDuration } from '../../../base/duration.ts';
import type { Deployed, DeployRequest } from '../../../proxy/client/index.ts';
import type { OptionSpec } from '../../command.ts';
import type { CommandInput } from '../../command-input.ts';
import { wrongUse } from '../../command-input.ts';
import { defineClientCommand, durationOf } from '../client-command.ts';
import { hostsText, requestsText } from '../service-text.ts';

const deployOptions: readonly OptionSpec[] = [
  {
    name: 'host',
    placeholder: 'hostname',
    isRepeatable: true,
    summary: 'where it answers, repeatable; `*.example.com` is one level, `*` every host nobody else has',
  },
  {
    name: 'target',
    placeholder: 'ip:port',
    isRepeatable: true,
    summary: 'where the app listens, repeatable',
  },
  {
    name: 'path-prefix',
    placeholder: 'path',
    isRepeatable: true,
    summary: 'only paths under this, repeatable (default: /)',
  },
  { name: 'strip-path-prefix', summary: 'the app sees paths without the prefix' },
  {
    name: 'response-timeout',
    placeholder: 'duration',
    summary: '504 when the app takes longer to begin its answer (default: any time)',
  },
  {
    name: 'health-check-path',
    placeholder: 'path',
    summary: 'healthy means a 2xx answer there (default: a TCP connection is enough)',
  },
  {
    name: 'health-check-interval',
    placeholder: 'duration',
    summary: 'longest pause between two tries (default: 1s)',
  },
  { name: 'health-check-timeout', placeholder: 'duration', summary: 'for one try (default: 5s)' },
  { name: 'health-check-port', placeholder: 'port', summary: 'check there (default: the target’s port)' },
  {
    name: 'health-check-host',
    placeholder: 'hostname',
    summary: 'Host of the check (default: the target’s address)',
  },
  {
    name: 'deploy-timeout',
    placeholder: 'duration',
    summary: 'how long the new targets may take to become healthy (default: 30s)',
  },
  {
    name: 'drain-timeout',
    placeholder: 'duration',
    summary: 'how long requests at the old targets may go on before they are cut (default: 30s)',
  },
  { name: 'force', summary: 'switch without a health check' },
];

export const deployCommand = defineClientCommand({
  name: 'deploy',
  summary: 'route hosts to targets: check that the new ones are healthy, switch, drain the old ones',
  args: [{ name: 'service', summary: 'its name' }],
  options: deployOptions,
  examples: [
    'luma-proxy deploy shop --host shop.example.com --target 10.0.0.5:3000',
    'luma-proxy deploy shop --host shop.example.com --target 10.0.0.6:3000 --health-check-path /up',
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

function readDeploy(input: CommandInput): DeployRequest {
  const hosts = [...input.list('host')];
  const targets = [...input.list('target')];
  if (hosts.length === 0)
    throw wrongUse('--host is missing', 'name the hosts of the service, or --host "*" for every host');
  if (targets.length === 0)
    throw wrongUse('--target is missing', 'name where the app listens: --target 10.0.0.5:3000');
  const prefixes = [...input.list('path-prefix')];
  return {
    hosts,
    targets,
    ...(prefixes.length === 0 ? {} : { path_prefixes: prefixes }),
    strip_path_prefix: input.isOn('strip-path-prefix'),
    response_timeout_ms: durationOf(input, 'response-timeout') ?? 0,
    health_check: {
      path: input.text('health-check-path') ?? null,
      interval_ms: durationOf(input, 'health-check-interval'),
      timeout_ms: durationOf(input, 'health-check-timeout'),
      port: input.count('health-check-port') ?? null,
      host: input.text('health-check-host') ?? null,
    },
    deploy_timeout_ms: durationOf(input, 'deploy-timeout'),
    drain_timeout_ms: durationOf(input, 'drain-timeout'),
    force: input.isOn('force'),
  };
}

function deployedText({ service, replaced, cut }: Deployed, wanted: DeployRequest): string {
  const lines = [`${service.name} serves ${hostsText(service)} from ${wanted.targets.join(', ')}`];
  if (service.traffic !== 'forward') {
    lines.push(`it is still ${service.traffic}: luma-proxy resume ${service.name} lets requests through`);
  }
  if (replaced.length > 0) lines.push(`drained ${replaced.join(', ')}`);
  if (cut > 0) {
    const after =
      wanted.drain_timeout_ms === undefined ? 'the drain timeout' : formatDuration(wanted.drain_timeout_ms);
    lines.push(`cut ${requestsText(cut)} that had not ended after ${after}`);
  }
  return `${lines.join('\n')}\n`;
}
