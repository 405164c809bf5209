/** How people say which revisions get a project's requests. */
import { z } from '@hono/zod-openapi';
import { SHARES_MAX, type TrafficWish } from '../../domain/traffic.ts';
import { textThat } from '../rules/rule.ts';
import { checkTag } from '../rules/traffic-tag.ts';

export const tagSchema = textThat(checkTag);

const shareSchema = z.strictObject({
  revision: z
    .union([z.int().min(1), z.literal('latest')], { error: 'must be the number of a revision, or "latest"' })
    .openapi({
      description:
        'Its number; `latest` is the one that the project’s settings are, also after the next deploy.',
      example: 4,
    }),
  percent: z
    .int()
    .min(0)
    .max(100)
    .openapi({ description: 'A whole number; those of all shares make 100. Default 0.', example: 10 })
    .nullish(),
  tag: tagSchema
    .openapi({
      description: 'The revision is reached as `tag---hostname` too, also with 0 %.',
      example: 'next',
    })
    .nullish(),
});

type ShareInput = z.output<typeof shareSchema>;

export const trafficSchema = z
  .strictObject({
    traffic: z
      .array(shareSchema)
      .min(1, 'must have at least one share')
      .max(SHARES_MAX, `must have at most ${SHARES_MAX} shares`)
      .superRefine((shares, context) => {
        for (const { path, code, message } of problemsOf(shares)) {
          context.addIssue({ code: 'custom', path, message, params: { code } });
        }
      }),
  })
  .openapi('Traffic', {
    description: 'Who gets the requests, whole: revisions and tags that are not named get none.',
    example: {
      traffic: [
        { revision: 3, percent: 90 },
        { revision: 4, percent: 10, tag: 'next' },
      ],
    },
  });

export function toWishes({ traffic }: z.output<typeof trafficSchema>): readonly TrafficWish[] {
  return traffic.map(({ revision, percent, tag }) => ({ revision, percent: percent ?? 0, tag: tag ?? null }));
}

interface ShareProblem {
  readonly path: (string | number)[];
  readonly code: string;
  readonly message: string;
}

function problemsOf(shares: readonly ShareInput[]): ShareProblem[] {
  const sum = shares.reduce((total, { percent }) => total + (percent ?? 0), 0);
  const message = `the percentages must make 100, not ${sum}`;
  const wrongSum = sum === 100 ? [] : [{ path: [], code: 'not_100_percent', message }];
  return [...shares.flatMap((share, at) => problemsOfShare(shares, share, at)), ...wrongSum];
}

function problemsOfShare(shares: readonly ShareInput[], share: ShareInput, at: number): ShareProblem[] {
  const before = shares.slice(0, at);
  const problems: ShareProblem[] = [];
  if (share.tag != null && before.some(({ tag }) => tag === share.tag)) {
    problems.push({ path: [at, 'tag'], code: 'duplicate', message: 'is given to two shares' });
  }
  if (share.tag == null && before.some((other) => other.tag == null && other.revision === share.revision)) {
    problems.push({
      path: [at, 'revision'],
      code: 'duplicate',
      message: 'is given twice; add up its shares',
    });
  }
  if (share.tag == null && (share.percent ?? 0) === 0) {
    const message = 'must be more than 0 for a revision without a tag';
    problems.push({ path: [at, 'percent'], code: 'out_of_range', message });
  }
  return problems;
}
