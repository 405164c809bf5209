/** A refusal of the management socket: an RFC 9457 document, read back as the LumaError it was. */
import { z } from 'zod';
import { LumaError } from '../../base/errors.ts';

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  /** Stable, snake_case. */
  code: z.string(),
  detail: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

export function errorOfProblem({ code, detail, hint, details, errors }: Problem): LumaError {
  return new LumaError(code, detail, {
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
    ...(errors === undefined ? {} : { fields: errors }),
  });
}
