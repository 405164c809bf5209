/** What is wrong with a split that a person asks for, by field. Pure. */
import { type FieldProblem, LumaError } from '../../base/errors.ts';
import type { Project } from '../../domain/project.ts';
import type { TrafficShare } from '../../domain/revision.ts';
import { type TrafficWish, tagHosts } from '../../domain/traffic.ts';

/** RFC 1035 §2.3.4. */
const LABEL_CHARACTERS_MAX = 63;
const HOST_CHARACTERS_MAX = 253;

interface CodedProblem extends FieldProblem {
  readonly code: string;
}

export function wishProblems(
  wishes: readonly TrafficWish[],
  hostnames: readonly string[],
  known: readonly number[],
): readonly CodedProblem[] {
  return wishes.flatMap(({ revision, tag }, at) => {
    const isKnown = revision === 'latest' || known.includes(revision);
    const message = `there is no revision ${revision} (any more); kept are ${known.join(', ')}`;
    const field = `traffic.${at}.revision`;
    const missing = isKnown ? [] : [{ field, code: 'revision_not_found', message, value: revision }];
    return [...missing, ...(tag === null ? [] : tagProblems(`traffic.${at}.tag`, tag, hostnames))];
  });
}

export function tagProblems(
  field: string,
  tag: string,
  hostnames: readonly string[],
): readonly CodedProblem[] {
  const hosts = tagHosts(tag, hostnames);
  if (hosts.length === 0) {
    const message = 'needs a hostname that is no wildcard: its host is tag---hostname';
    return [{ field, code: 'no_hostname', message, value: tag }];
  }
  const long = hosts.find((host) => isTooLong(host));
  if (long === undefined) return [];
  const message = `is too long: ${long} has more than 63 characters before its first dot, or more than 253 in all`;
  return [{ field, code: 'too_long', message, value: tag }];
}

/** Two revisions cannot run at once where they would have the same port. */
export function severalProblem(field: string): CodedProblem {
  const message =
    'needs instances of two revisions at once, and a process with a fixed port has none beside it: reset container_port';
  return { field, code: 'runtime_cannot_run_several', message };
}

export function trafficRefusal(problems: readonly CodedProblem[]): LumaError {
  const count = problems.length === 1 ? 'one field' : `${problems.length} fields`;
  return new LumaError('validation_failed', `${count} of the traffic cannot be accepted`, {
    hint: 'Correct the fields named in errors. Nothing was changed.',
    fields: problems,
  });
}

/** Every host that requests of the project come for. */
export function hostsOf({ settings: { hostnames }, traffic }: Project): readonly string[] {
  return [...hostnames, ...traffic.flatMap(({ tag }) => (tag === null ? [] : tagHosts(tag, hostnames)))];
}

function isTooLong(host: string): boolean {
  const [label = ''] = host.split('.');
  return host.length > HOST_CHARACTERS_MAX || label.length > LABEL_CHARACTERS_MAX;
}

/** `90 % to revision 3, 10 % to revision 4 (next)`. */
export function trafficText(traffic: readonly TrafficShare[]): string {
  const shares = traffic.map(({ revision, percent, tag }) => {
    return `${percent} % to revision ${revision}${tag === null ? '' : ` (${tag})`}`;
  });
  return shares.join(', ');
}
