/** What every client command of luma-proxy is made of: a client, a signal, one way to print, flags read strictly. */
import { resolve } from 'node:path';
import { parseByteSize } from '../../base/byte-size.ts';
import { parseDuration } from '../../base/duration.ts';
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { ProxyClient } from '../../proxy/client/index.ts';
import type { CommandSpec } from '../command.ts';
import { defineCommand } from '../command.ts';
import type { CommandInput } from '../command-input.ts';
import { wrongUse } from '../command-input.ts';
import type { Cell } from '../table.ts';
import { formatTable } from '../table.ts';
import { hasColour } from '../terminal.ts';
import { clientOptions, proxyClient } from './client-options.ts';
import type { ProxyContext } from './context.ts';

export interface ClientContext {
  readonly client: ProxyClient;
  readonly signal: AbortSignal;
  /** The result: JSON where it was asked for, otherwise the text. */
  print(value: unknown, text: () => string): void;
  /** A line for people who wait; nothing with --json. */
  progress(line: string): void;
  table(head: readonly string[], rows: readonly (readonly (string | Cell)[])[]): string;
}

type ClientCommandSpec = Omit<CommandSpec<ProxyContext>, 'run'> & {
  readonly run: (context: ClientContext, input: CommandInput) => Promise<void>;
};

export function defineClientCommand(spec: ClientCommandSpec): CommandSpec<ProxyContext> {
  return defineCommand<ProxyContext>({
    ...spec,
    options: [...(spec.options ?? []), ...clientOptions],
    run: (context, input) =>
      spec.run(clientContext(context, input), input).catch((error: unknown) => {
        throw inFlags(error);
      }),
  });
}

function clientContext(context: ProxyContext, input: CommandInput): ClientContext {
  const { terminal } = context;
  const isJson = input.isOn('json');
  return {
    client: proxyClient(context, input),
    signal: terminal.signal,
    print: (value, text) => terminal.writeOut(isJson ? `${JSON.stringify(value)}\n` : text()),
    progress: (line) => {
      if (!isJson && terminal.isErrTty) terminal.writeErr(`${line}\n`);
    },
    table: (head, rows) => formatTable(head, rows, { colour: hasColour(terminal) }),
  };
}

/** What the daemon found wrong, by the names that the person used. */
function inFlags(error: unknown): unknown {
  if (!isLumaError(error, 'command_invalid')) return error;
  const fields = error.fields.map(({ field, message }) => ({ field: flagOf(field), message }));
  const [first] = fields;
  const text = fields.length === 1 && first ? `${first.field}: ${first.message}` : 'options are wrong';
  return new LumaError(error.code, text, { fields: fields.length === 1 ? [] : fields, cause: error });
}

/** Flags that are not called as what they say is called on the wire. */
const FLAG_OF: Readonly<Record<string, string>> = {
  hosts: 'host',
  targets: 'target',
  path_prefixes: 'path-prefix',
  exclude_metrics_paths: 'exclude-metrics-path',
  max_request_body_bytes: 'max-request-body',
  tls: 'ssl',
  'tls.redirect': 'ssl-redirect',
  'tls.hsts_seconds': 'hsts',
  'tls.own_certificate': 'tls-certificate-path',
  'tls.own_certificate.certificate_path': 'tls-certificate-path',
  'tls.own_certificate.private_key_path': 'tls-private-key-path',
};

/** `targets.0` is `--target`, `health_check.interval_ms` is `--health-check-interval`. */
function flagOf(field: string): string {
  if (field === 'name') return '<service>';
  const words = field.split('.').filter((word) => !/^[0-9]+$/.test(word));
  const known = FLAG_OF[words.join('.')];
  return `--${known ?? words.map((word) => word.replace(/_ms$/, '').replaceAll('_', '-')).join('-')}`;
}

/** Bytes of a flag, or wrong use. */
export function byteSizeOf(input: CommandInput, name: string): number | undefined {
  const text = input.text(name);
  if (text === undefined) return undefined;
  const bytes = parseByteSize(text);
  if (bytes !== null) return bytes;
  throw wrongUse(`--${name} must be a size such as 10MB or 1048576, not ${JSON.stringify(text)}`);
}

/** A path of the daemon's machine, whole: the daemon has a working directory of its own. */
export function pathOf(input: CommandInput, name: string): string | undefined {
  const text = input.text(name);
  if (text === '') throw wrongUse(`--${name} must not be empty`);
  return text === undefined ? undefined : resolve(text);
}

/** Milliseconds of a flag, or wrong use. */
export function durationOf(input: CommandInput, name: string): number | undefined {
  const text = input.text(name);
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  if (milliseconds !== null) return milliseconds;
  throw wrongUse(`--${name} must be a duration such as 30s or 1m30s, not ${JSON.stringify(text)}`);
}
