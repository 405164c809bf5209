/** One JSON log line as a person reads it: `12:04:05.123 warn  message  key=value`. */

/** An expected error is its message; a bug shows where it happened. */
const EXPECTED_ERROR = 'LumaError';

export function formatLogLine(line: string): string {
  const { time, level, message, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const pairs = Object.entries(fields).map(([key, value]) => `  ${key}=${formatValue(value)}`);
  return `${clock} ${String(level).padEnd(5)} ${printable(String(message))}${pairs.join('')}${formatError(error)}\n`;
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\x21\x23-\x7e]+$/.test(text) ? text : printable(JSON.stringify(text));
}

function formatError(error: unknown): string {
  if (error === undefined) return '';
  if (typeof error !== 'object' || error === null) return `: ${printable(String(error))}`;
  const { type, message, stack, code, cause } = error as Record<string, unknown>;
  const codeText = code === undefined ? '' : ` (${printable(String(code))})`;
  const because = cause === undefined ? '' : formatError(cause);
  const where = type === EXPECTED_ERROR || typeof stack !== 'string' ? '' : `\n${indent(stack)}`;
  return `: ${printable(String(message))}${codeText}${because}${where}`;
}

function indent(stack: string): string {
  const frames = stack.split('\n').filter((line) => line.trimStart().startsWith('at '));
  return frames.map((line) => `      ${printable(line.trim())}`).join('\n');
}

/** What an app or a peer wrote must not move a terminal's cursor or fake a second line. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, escapeControl);
}

function escapeControl(control: string): string {
  return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
