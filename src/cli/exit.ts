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

export interface Failure {
  readonly exitCode: number;
  /** For stderr. */
  readonly text: string;
}

export function explainFailure(
  error: unknown,
  { isJson = false }: { readonly isJson?: boolean } = {},
): Failure {
  if (isInterruption(error)) return { exitCode: exitCodes.interrupted, text: '' };
  if (!isLumaError(error)) return { exitCode: exitCodes.bug, text: bugText(error) };
  return {
    exitCode: exitCodeByError[error.code] ?? exitCodes.refused,
    text: isJson ? jsonText(error) : plainText(error),
  };
}

function isInterruption(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function plainText(error: LumaError): string {
  const fields = error.fields
    .filter(({ message }) => message !== error.message)
    .map(({ field, message }) => `  ${printable(field)}: ${printable(message)}\n`);
  const logLines = Array.isArray(error.details['log_lines']) ? error.details['log_lines'] : [];
  const said = logLines.map((line) => `  | ${printable(String(line))}\n`);
  const hint = error.hint ? `hint: ${printable(error.hint)}\n` : '';
  return `error: ${printable(error.message)}\n${fields.join('')}${said.join('')}${hint}`;
}

function jsonText({ code, message, hint, fields, details }: LumaError): string {
  return `${JSON.stringify({ error: { code, message, hint, fields, details } })}\n`;
}

function bugText(error: unknown): string {
  const where = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `error: this is a bug in Luma: ${where}\n`;
}
