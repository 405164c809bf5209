/** Any value as plain data that JSON can say: errors with what caused them, and nothing that would make a log line fail. */

/** Deeper values, and causes of causes, are left out: a log line is no archive. */
const DEPTH_MAX = 8;

export function loggable(value: unknown): unknown {
  return plain(value, []);
}

function plain(value: unknown, above: readonly object[]): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) return '(circular)';
  if (above.length === DEPTH_MAX) return '(deeper)';
  const inside = [...above, value];
  if (value instanceof Error) return plainError(value, inside);
  if (Array.isArray(value)) return value.map((item) => plain(item, inside));
  if ('toJSON' in value && typeof value.toJSON === 'function') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, inside)]));
}

/** What every error has first; then its own fields, such as `code` and `hint`. */
function plainError(error: Error, inside: readonly object[]): unknown {
  const { message, stack, cause } = error;
  const own = Object.entries(error).map(([key, item]) => [key, plain(item, inside)]);
  return {
    ...Object.fromEntries(own),
    type: error.constructor.name,
    message,
    stack,
    ...(error instanceof AggregateError ? { errors: plain(error.errors, inside) } : {}),
    ...(cause === undefined ? {} : { cause: plain(cause, inside) }),
  };
}
