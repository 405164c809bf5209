/** From flags to the shares of a project's requests. Rules about values are the API's; here is only their form. */
import type { TrafficJson, TrafficShareInput } from '../../api/client/index.ts';
import { type CommandInput, wrongUse } from '../command-input.ts';

type Revision = TrafficShareInput['revision'];

/** Null: nothing is to be changed. Tags stay where they are unless a flag says otherwise. */
export function readShares(input: CommandInput, now: TrafficJson): readonly TrafficShareInput[] | null {
  const to = input.text('to');
  const isLatest = input.isOn('latest');
  const tagged = input.list('tag').map(readTag);
  const untagged = input.list('untag');
  if (to !== undefined && isLatest) throw wrongUse('--to and --latest say two things', 'give one of them');
  if (to === undefined && !isLatest && tagged.length + untagged.length === 0) return null;
  const before = now.traffic.map(toInput).filter(({ percent, tag }) => percent > 0 || tag !== null);
  const gone = [...untagged, ...tagged.map(({ tag }) => tag)];
  for (const tag of untagged) {
    if (!before.some((share) => share.tag === tag)) throw wrongUse(`no revision has the tag ${tag}`);
  }
  const tags = before.filter(({ tag }) => tag !== null && !gone.includes(tag));
  const shares = isLatest
    ? [{ revision: 'latest' as const, percent: 100 }]
    : to === undefined
      ? before
      : readTo(to);
  return [
    ...shares.filter(({ percent }) => percent > 0).map(({ revision, percent }) => ({ revision, percent })),
    ...tags.map(({ revision, tag }) => ({ revision, percent: 0, tag })),
    ...tagged.map(({ revision, tag }) => ({ revision, percent: 0, tag })),
  ].reduce(addUp, [] as TrafficShareInput[]);
}

interface KnownShare {
  readonly revision: Revision;
  readonly percent: number;
  readonly tag: string | null;
}

function toInput({
  revision,
  latest,
  wanted_percent: percent,
  tag,
}: TrafficJson['traffic'][number]): KnownShare {
  return { revision: latest ? 'latest' : revision, percent, tag };
}

/** What a share with a tag gets is said once more without it. */
function addUp(shares: readonly TrafficShareInput[], share: TrafficShareInput): TrafficShareInput[] {
  const at = shares.findIndex(({ revision, tag }) => revision === share.revision && (tag ?? null) === null);
  const known = shares[at];
  if (share.tag != null || !known) return [...shares, share];
  return shares.with(at, { ...known, percent: (known.percent ?? 0) + (share.percent ?? 0) });
}

function readTo(text: string): readonly { revision: Revision; percent: number }[] {
  return text.split(',').map((part) => {
    const [revision = '', percent = ''] = part.split('=');
    if (!/^[0-9]{1,3}$/.test(percent.trim()) || part.split('=').length !== 2) {
      throw wrongUse(`--to ${JSON.stringify(part)} is not revision=percent`, 'write it like --to 3=90,4=10');
    }
    return { revision: readRevision(revision.trim(), '--to'), percent: Number(percent) };
  });
}

function readTag(text: string): { readonly tag: string; readonly revision: Revision } {
  const at = text.indexOf('=');
  if (at <= 0)
    throw wrongUse(`--tag ${JSON.stringify(text)} is not tag=revision`, 'write it like --tag next=4');
  return { tag: text.slice(0, at), revision: readRevision(text.slice(at + 1), '--tag') };
}

function readRevision(text: string, flag: string): Revision {
  if (text === 'latest') return text;
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw wrongUse(`${flag}: ${JSON.stringify(text)} is no revision`, 'a revision is a number, or latest');
}
