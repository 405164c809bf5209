/** What the platform's commands work with, and the options that all of them have. */
import { type ApiClient, createApiClient } from '../../api/client/index.ts';
import { type CommandSpec, defineCommand, type OptionSpec } from '../command.ts';
import { type CommandInput, wrongUse } from '../command-input.ts';
import { formatTable } from '../table.ts';
import { hasColour, type Terminal } from '../terminal.ts';

export interface LumaContext {
  readonly terminal: Terminal;
  readonly apiUrl: string;
  readonly client: ApiClient;
  readonly isJson: boolean;
  readonly signal: AbortSignal;
  /** A result: JSON where that was asked for, else the text. */
  print(value: unknown, text: () => string): void;
  /** One item of a stream: a JSON line, or the text. */
  printItem(value: unknown, text: () => string): void;
  table(head: readonly string[], rows: Parameters<typeof formatTable>[1]): string;
  /** For whoever watches; never in a pipe. */
  progress(text: string): void;
}

export interface LumaContextOptions {
  readonly terminal: Terminal;
  /** Where the API is when neither --api-url nor LUMA_API_URL says. */
  readonly defaultApiUrl: () => string;
}

const jsonOption: OptionSpec = { name: 'json', summary: 'print JSON' };
const apiUrlOption: OptionSpec = {
  name: 'api-url',
  placeholder: 'url',
  summary: 'where the API is (LUMA_API_URL; default: where this configuration puts it)',
};

/** A command that asks the API: it gets --json and --api-url with its own options. */
export function defineApiCommand(spec: CommandSpec<LumaContext>): CommandSpec<LumaContext> {
  return defineCommand({ ...spec, options: [...(spec.options ?? []), jsonOption, apiUrlOption] });
}

/** A command that asks nobody. */
export function defineLocalCommand(spec: CommandSpec<LumaContext>): CommandSpec<LumaContext> {
  return defineCommand({ ...spec, options: [...(spec.options ?? []), jsonOption] });
}

export function createLumaContext(
  { terminal, defaultApiUrl }: LumaContextOptions,
  input: CommandInput,
): LumaContext {
  const given = input.given();
  const isJson = given['json'] === true;
  const colour = hasColour(terminal);
  const apiUrl = (): string =>
    checkUrl(given['api-url'] ?? (terminal.env['LUMA_API_URL'] || defaultApiUrl()));
  let client: ApiClient | undefined;
  return {
    terminal,
    isJson,
    signal: terminal.signal,
    get apiUrl() {
      return apiUrl();
    },
    get client() {
      client ??= createApiClient({ baseUrl: apiUrl() });
      return client;
    },
    print: (value, text) => terminal.writeOut(isJson ? `${JSON.stringify(value, null, 2)}\n` : text()),
    printItem: (value, text) => terminal.writeOut(isJson ? `${JSON.stringify(value)}\n` : text()),
    table: (head, rows) => formatTable(head, rows, { colour }),
    progress: (text) => {
      if (terminal.isErrTty) terminal.writeErr(`${text}\n`);
    },
  };
}

function checkUrl(text: unknown): string {
  const url = URL.canParse(String(text)) ? new URL(String(text)) : null;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.host)
    return url.href.replace(/\/+$/, '');
  throw wrongUse(`${JSON.stringify(text)} is no address of an API`, 'write it like http://127.0.0.1:8081');
}
