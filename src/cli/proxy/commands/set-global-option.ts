/** `luma-proxy set-global-option`: what commands take for granted; without a flag it shows them. */
import { formatDuration } from '../../../base/duration.ts';
import type { OptionsStatus } from '../../../proxy/client/index.ts';
import type { CommandInput } from '../../command-input.ts';
import { formatFacts } from '../../table.ts';
import { defineClientCommand, durationOf } from '../client-command.ts';

const NAMES = ['deploy-timeout', 'drain-timeout', 'max-pause', 'lets-encrypt-email'] as const;

export const setGlobalOptionCommand = defineClientCommand({
  name: 'set-global-option',
  summary: 'set what commands take where they say nothing else; without an option: show it',
  options: [
    {
      name: 'deploy-timeout',
      placeholder: 'duration',
      summary: 'of every deploy that names none, or `default`',
    },
    {
      name: 'drain-timeout',
      placeholder: 'duration',
      summary: 'of every command that names none, or `default`',
    },
    { name: 'max-pause', placeholder: 'duration', summary: 'of every pause that names none, or `default`' },
    {
      name: 'lets-encrypt-email',
      placeholder: 'email',
      summary: 'whom the CA may write to about certificates, or `default` for nobody',
    },
  ],
  examples: [
    'luma-proxy set-global-option',
    'luma-proxy set-global-option --drain-timeout 2m',
    'luma-proxy set-global-option --drain-timeout default',
  ],
  async run({ client, signal, print }, input) {
    const isAsked = NAMES.every((name) => input.text(name) === undefined);
    const options = isAsked
      ? await client.options(signal)
      : await client.setOptions(
          {
            deploy_timeout_ms: durationOrDefault(input, 'deploy-timeout'),
            drain_timeout_ms: durationOrDefault(input, 'drain-timeout'),
            max_pause_ms: durationOrDefault(input, 'max-pause'),
            lets_encrypt_email: textOrDefault(input, 'lets-encrypt-email'),
          },
          signal,
        );
    print(options, () => optionsText(options));
  },
});

function durationOrDefault(input: CommandInput, name: string): number | null | undefined {
  return input.text(name) === 'default' ? null : durationOf(input, name);
}

function textOrDefault(input: CommandInput, name: string): string | null | undefined {
  const text = input.text(name);
  return text === 'default' ? null : text;
}

function optionsText(options: OptionsStatus): string {
  return formatFacts([
    ['deploy-timeout', formatDuration(options.deploy_timeout_ms)],
    ['drain-timeout', formatDuration(options.drain_timeout_ms)],
    ['max-pause', formatDuration(options.max_pause_ms)],
    ['lets-encrypt-email', options.lets_encrypt_email ?? 'none'],
  ]);
}
