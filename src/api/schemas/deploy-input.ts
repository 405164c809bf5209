/** What may be said of a deploy beside the settings themselves. */
import { z } from '@hono/zod-openapi';
import { isFlagSet } from './queries.ts';

export const deployQuerySchema = z.strictObject({
  verify: z
    .enum(['', 'true', '1', 'false', '0'], 'must be true or false')
    .openapi({
      description:
        '`false`: a sleeping project takes the new revision unseen. Default: it is woken to see that it starts.',
    })
    .optional(),
});

export const rollbackSchema = z
  .strictObject({
    revision: z
      .int()
      .min(1)
      .openapi({ description: 'Default: the newest that is older than the one now.', example: 3 })
      .nullish(),
    verify: z
      .boolean()
      .openapi({ description: '`false`: a sleeping project takes it unseen. Default true.' })
      .nullish(),
  })
  .openapi('Rollback');

export function isVerifyWanted(value: string | undefined): boolean {
  return value === undefined || isFlagSet(value);
}
