/** A byte stream of JSON objects, one per line, as the engine sends events and progress. */
import { LumaError } from '../../base/errors.ts';
import { limits } from './limits.ts';

export async function* jsonLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > limits.jsonLineBytesMax) throw broken('a line without an end');
    for (const line of lines) if (line.trim() !== '') yield parsed(line);
  }
  if (rest.trim() !== '') yield parsed(rest);
}

function parsed(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw broken(line.slice(0, 200), cause);
  }
  if (value === null || typeof value !== 'object') throw broken(line.slice(0, 200));
  return value as Record<string, unknown>;
}

function broken(text: string, cause?: unknown): LumaError {
  return new LumaError('runtime_failed', `Docker sent something that is not JSON: ${text}`, { cause });
}
