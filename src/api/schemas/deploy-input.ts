/** What may be said of a deploy beside the settings themselves. */
import { z } from '@hono/zod-openapi';
import { isFlagSet } from './queries.ts';
import { tagSchema } from './traffic-input.ts';

export const flag = z.enum(['', 'true', '1', 'false', '0'], 'must be true or false');

const verify = flag
  .openapi({
    description:
      '`false`: a sleeping project takes the new revision unseen. Default: it is woken to see that it starts.',
  })
  .optional();

export const verifyQuerySchema = z.strictObject({ verify });

export const deployQuerySchema = z.strictObject({
  verify,
  no_traffic: flag
    .openapi({
      description:
        '`true`: the new revision gets no requests; what followed the latest revision stays with the one that it was, until `PUT …/traffic` says `latest` again.',
    })
    .optional(),
  tag: tagSchema
    .openapi({ description: 'The new revision is reached as `tag---hostname`, and who had the tag no more.' })
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
