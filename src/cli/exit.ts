/** The one place that turns a failure into words and an exit code. */
import { isLumaError, type LumaError } from '../base/errors.ts';
import { printable } from './terminal.ts';

export const exitCodes = {
  ok: 0,
  refused: 1,
  wrongUse: 2,
  notReachable: 3,
  bug: 70,
  interrupted: 130,
} as const;

/** Error code → exit code; every other LumaError is a refusal. */
const exitCodeByError: Readonly<Record<string, number>> = {
  usage: exitCodes.wrongUse,
  config_invalid: exitCodes.wrongUse,
  command_invalid: exitCodes.wrongUse,
  api_unreachable: exitCodes.notReachable,
  api_protocol: exitCodes.notReachable,
  proxy_unreachable: exitCodes.notReachable,
  proxy_unavailable: exitCodes.notReachable,
};

/** What to do next, by error code, in commands: a server that answers by HTTP says it in requests. */
export type CommandHints = Readonly<Record<string, string>>;

export interface Failure {
  readonly exitCode: number;
  /** For stderr. */
  readonly text: string;
}

export function explainFailure(
  error: unknown,
  { isJson = false, hints = {} }: { readonly isJson?: boolean; readonly hints?: CommandHints } = {},
): Failure {
  if (isInterruption(error)) return { exitCode: exitCodes.interrupted, text: '' };
  if (!isLumaError(error)) return { exitCode: exitCodes.bug, text: bugText(error) };
  const { code, message, fields, details } = error;
  const refusal = { code, message, hint: hints[code] ?? error.hint, fields, details };
  return {
    exitCode: exitCodeByError[code] ?? exitCodes.refused,
    text: isJson ? `${JSON.stringify({ error: refusal })}\n` : plainText(refusal),
  };
}

function isInterruption(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

type Refusal = Pick<LumaError, 'code' | 'message' | 'hint' | 'fields' | 'details'>;

function plainText(error: Refusal): string {
  const fields = error.fields
    .filter(({ message }) => message !== error.message)
    .map(({ field, message }) => `  ${printable(field)}: ${printable(message)}\n`);
  const logLines = Array.isArray(error.details['log_lines']) ? error.details['log_lines'] : [];
  const said = logLines.map((line) => `  | ${printable(String(line))}\n`);
  const hint = error.hint ? `hint: ${printable(error.hint)}\n` : '';
  return `error: ${printable(error.message)}\n${fields.join('')}${said.join('')}${hint}`;
}

function bugText(error: unknown): string {
  const where = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `error: this is a bug in Luma: ${where}\n`;
}
