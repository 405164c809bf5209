/** Traffic as people read it, and waiting for it to be in force. */
import type { TrafficJson, TrafficShareJson } from '../../api/client/index.ts';
import { delay, systemClock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import { printable } from '../terminal.ts';
import type { LumaContext } from './context.ts';

const LOOK_EVERY_MS = 250;

export const trafficHead = ['REVISION', 'PERCENT', 'TAG', 'STATUS', 'URL'] as const;

export function trafficRow(share: TrafficShareJson): readonly string[] {
  const { revision, latest, percent, wanted_percent: wanted, tag, status, urls, hosts } = share;
  return [
    latest ? `${revision} (latest)` : String(revision),
    percent === wanted ? `${percent} %` : `${percent} % (to be ${wanted} %)`,
    tag ?? '',
    status,
    urls[0] ?? hosts[0] ?? '',
  ];
}

/** Resolves when every share gets what it is to get; fails with why one does not. */
export async function untilInForce(
  { client, signal, progress }: LumaContext,
  wanted: TrafficJson,
): Promise<TrafficJson> {
  const { project } = wanted;
  for (let now = wanted; ; now = await client.traffic(project, { signal })) {
    if (now.traffic.every((share) => share.percent === share.wanted_percent)) return now;
    if (now.switch_failure) throw notInForce(project, now.switch_failure);
    if (now === wanted) progress(`the revisions of ${project} show first that they answer`);
    await delay(systemClock, LOOK_EVERY_MS, signal);
  }
}

function notInForce(
  project: string,
  { message, log_lines: lines }: { message: string; log_lines: string[] },
): LumaError {
  const text = lines.map((line) => `\n  ${printable(line)}`).join('');
  return new LumaError('switch_failed', `a revision of ${project} does not start: ${message}${text}`, {
    hint: `the others go on with its share; see luma traffic ${project}`,
  });
}
