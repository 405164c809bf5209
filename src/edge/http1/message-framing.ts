/**
 * The fields by which a message is framed and its connection kept, the same in requests and answers. They mean one hop
 * only: none is passed on as it came. No state of its own.
 */
import type { FramingFields } from './body-framing.ts';
import type { FieldSection } from './field-section.ts';

/** What they say together; filled by `takeFramingField`. */
export class GatheredFraming implements FramingFields {
  contentLengthCount = 0;
  contentLength = '';
  transferEncoding: string | null = null;
  connection: string | null = null;
}

/** False: it is another field. */
export function takeFramingField(fields: FieldSection, index: number, gathered: GatheredFraming): boolean {
  switch (fields.nameLength(index)) {
    case 10:
      if (fields.isNamed(index, 'keep-alive')) return true;
      if (!fields.isNamed(index, 'connection')) return false;
      gathered.connection = joined(gathered.connection, fields.value(index));
      return true;
    case 14:
      if (!fields.isNamed(index, 'content-length')) return false;
      gathered.contentLengthCount++;
      gathered.contentLength = fields.value(index);
      return true;
    case 16:
      return fields.isNamed(index, 'proxy-connection');
    case 17:
      if (!fields.isNamed(index, 'transfer-encoding')) return false;
      gathered.transferEncoding = joined(gathered.transferEncoding, fields.value(index));
      return true;
    default:
      return false;
  }
}

/** RFC 9110 §5.3: fields of one name are one list. */
export function joined(before: string | null, value: string): string {
  return before === null ? value : `${before},${value}`;
}
