/** From what a schema or a rule found to one entry per bad field, in words for people. */
import type { z } from '@hono/zod-openapi';
import { type FieldProblem, LumaError } from '../base/errors.ts';
import { FIELD_PROBLEMS_MAX, SHOWN_VALUE_CHARACTERS_MAX } from './limits.ts';

export interface CodedFieldProblem extends FieldProblem {
  /** Stable. */
  readonly code: string;
}

type Issue = z.core.$ZodIssue;

export function validationFailed(problems: readonly CodedFieldProblem[], where = 'the body'): LumaError {
  const firstOfEach = new Map<string, CodedFieldProblem>();
  for (const problem of problems) {
    if (!firstOfEach.has(problem.field)) firstOfEach.set(problem.field, problem);
  }
  const fields = [...firstOfEach.values()];
  const more = fields.length - FIELD_PROBLEMS_MAX;
  const count = fields.length === 1 ? 'one field' : `${fields.length} fields`;
  return new LumaError('validation_failed', `${count} of ${where} cannot be accepted`, {
    hint:
      more > 0
        ? `Correct the fields named in errors; ${more} more are not shown.`
        : 'Correct the fields named in errors. Nothing was changed.',
    fields: fields.slice(0, FIELD_PROBLEMS_MAX),
  });
}

export function problemsOf(error: z.ZodError, input: unknown, known: readonly string[]): CodedFieldProblem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, input, known));
}

function problemsOfIssue(issue: Issue, input: unknown, known: readonly string[]): CodedFieldProblem[] {
  const field = fieldOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownField([...issue.path, key], key, known));
  }
  const value = valueAt(input, issue.path);
  const { code, message } = wordsFor(issue, value);
  return [{ field, code, message, ...shown(field, value) }];
}

function unknownField(
  path: readonly PropertyKey[],
  key: string,
  known: readonly string[],
): CodedFieldProblem {
  const nearest = known.find((name) => isNear(name, key));
  const hint = nearest ? `; did you mean ${nearest}?` : '';
  return { field: fieldOf(path), code: 'unknown_field', message: `is not a known field${hint}` };
}

function wordsFor(issue: Issue, value: unknown): { code: string; message: string } {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return { code: 'required', message: 'is required' };
      return { code: 'wrong_type', message: `must be ${article(issue.expected)}, not ${nameOf(value)}` };
    case 'too_small':
    case 'too_big':
      return { code: 'out_of_range', message: rangeMessage(issue) };
    case 'invalid_key':
      return issue.issues[0] ? wordsFor(issue.issues[0], value) : { code: 'invalid', message: issue.message };
    case 'custom':
      return { code: String(issue.params?.['code'] ?? 'invalid'), message: issue.message };
    default:
      return { code: 'invalid', message: issue.message };
  }
}

function rangeMessage(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  if (issue.origin !== 'number' && issue.origin !== 'int') return issue.message;
  return issue.code === 'too_small'
    ? `must be at least ${issue.minimum}`
    : `must be at most ${issue.maximum}`;
}

function article(expected: string): string {
  const words: Record<string, string> = {
    int: 'a whole number',
    number: 'a number',
    array: 'a list',
    object: 'an object',
    record: 'an object',
    string: 'a text (in quotes)',
  };
  return words[expected] ?? `a ${expected}`;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction';
  return typeof value === 'object' ? 'an object' : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}

export function fieldOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'body' : path.map(String).join('.');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** Variables, arguments and credentials are secrets: their values are never sent back. */
function shown(field: string, value: unknown): { value?: unknown } {
  if (
    /^(?:env_vars|command|entrypoint|password|identity_token|registry_token)\b/.test(field) ||
    value === undefined
  )
    return {};
  if (typeof value === 'object' && value !== null) return {};
  if (typeof value !== 'string') return { value };
  if (value.length <= SHOWN_VALUE_CHARACTERS_MAX) return { value };
  return { value: `${value.slice(0, SHOWN_VALUE_CHARACTERS_MAX)}…` };
}

/** The same letters but for case and separators, or one letter apart. */
function isNear(known: string, key: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const [a, b] = [plain(known), plain(key.slice(0, 64))];
  if (a === b) return true;
  if (Math.abs(a.length - b.length) > 1) return false;
  let from = 0;
  while (from < a.length && a[from] === b[from]) from++;
  const [restA, restB] = [a.slice(from), b.slice(from)];
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1);
}
