/**
 * The fields of a request that mean something to the edge: which they are, what is noted of each, and which of them do not
 * go to the target as they came. No state of its own.
 */
import { isToken } from './character-classes.ts';
import type { FieldSection } from './field-section.ts';
import { GatheredFraming, joined, takeFramingField } from './message-framing.ts';
import type { RequestHead } from './request-head.ts';

const REQUEST_ID_LENGTH_MAX = 128;

/** What the fields of one head say together; filled by `takeField`. */
export class GatheredFields extends GatheredFraming {
  hostCount = 0;
  host = '';
  upgrade: string | null = null;
  expect: string | null = null;
  te: string | null = null;
}

/** Notes what matters to the edge; true: the field is not passed on as it came. */
export function takeField(head: RequestHead, index: number, gathered: GatheredFields): boolean {
  const { fields } = head;
  switch (fields.nameLength(index)) {
    case 2:
      if (!fields.isNamed(index, 'te')) return false;
      gathered.te = joined(gathered.te, fields.value(index));
      return true;
    case 4:
      if (!fields.isNamed(index, 'host')) return false;
      gathered.hostCount++;
      gathered.host = fields.value(index);
      return false;
    case 6:
      if (!fields.isNamed(index, 'expect')) return false;
      gathered.expect = joined(gathered.expect, fields.value(index));
      return true;
    case 7:
      if (!fields.isNamed(index, 'upgrade')) return false;
      gathered.upgrade = joined(gathered.upgrade, fields.value(index));
      return true;
    case 10:
    case 16:
    case 17:
      return takeFramingField(fields, index, gathered) || isForwarding(fields, index);
    case 12:
      if (fields.isNamed(index, 'max-forwards')) {
        if (head.method !== 'OPTIONS' && head.method !== 'TRACE') return false;
        head.maxForwards = hops(fields.value(index));
        return true;
      }
      if (!fields.isNamed(index, 'x-request-id')) return false;
      head.requestId = sane(fields.value(index));
      return true;
    case 14:
      if (takeFramingField(fields, index, gathered)) return true;
      return fields.isNamed(index, 'http2-settings') || isForwarding(fields, index);
    case 19:
      return fields.isNamed(index, 'proxy-authorization') || isForwarding(fields, index);
    case 9:
      return fields.isNamed(index, 'forwarded') || fields.isNamed(index, 'x-real-ip');
    default:
      return isForwarding(fields, index);
  }
}

const FORWARDING_PREFIX = 'x-forwarded-';

/** Any `X-Forwarded-…`, also spelled with underscores, which many applications read as the same name. */
function isForwarding(fields: FieldSection, index: number): boolean {
  if (fields.nameLength(index) <= FORWARDING_PREFIX.length) return false;
  const start = fields.nameStart(index);
  if ((fields.text.charCodeAt(start) | 32) !== 120) return false;
  const name = fields.text.slice(start, start + FORWARDING_PREFIX.length);
  return name.toLowerCase().replaceAll('_', '-') === FORWARDING_PREFIX;
}

function sane(requestId: string): string | null {
  return requestId.length <= REQUEST_ID_LENGTH_MAX && isToken(requestId) ? requestId : null;
}

function hops(value: string): number | null {
  return /^[0-9]{1,9}$/.test(value) ? Number(value) : null;
}
