/** Expected failures, told apart from bugs: whatever is not a LumaError is a bug. */

/** One problem with one field of some input. */
export interface FieldProblem {
  /** Where: a dotted path such as `env_vars.PORT`, or a flag such as `--http-port`. */
  readonly field: string;
  /** What is wrong, and what to do: a sentence a person can act on. */
  readonly message: string;
  /** The offending value, shortened, where it is safe to show. */
  readonly value?: unknown;
}

export interface LumaErrorOptions {
  /** What to do next, in one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  readonly fields?: readonly FieldProblem[];
  /** Machine-readable details that belong to the code. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class LumaError extends Error {
  readonly hint: string | undefined;
  readonly fields: readonly FieldProblem[];
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    /** Stable, snake_case; API clients and scripts compare it. */
    readonly code: string,
    message: string,
    options: LumaErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LumaError';
    this.hint = options.hint;
    this.fields = options.fields ?? [];
    this.details = options.details ?? {};
  }
}

export function isLumaError(error: unknown, code?: string): error is LumaError {
  return error instanceof LumaError && (code === undefined || error.code === code);
}

/** Stops early on corrupt state: a failed assertion is a bug, never a user's mistake. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
