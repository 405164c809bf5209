/** `X-Forwarded-…` of a service that wants to see what its clients sent, too. Pure. */
import type { FieldSection } from '../http1/field-section.ts';
import type { RequestOrigin } from './client-address.ts';

/** The client's own first, ours after; everything else about the way here as it came. Whole lines. */
export function appendedLines(fields: FieldSection, origin: RequestOrigin): string {
  const hops = [...allNamed(fields, 'x-forwarded-for'), origin.peer].join(', ');
  const proto = allNamed(fields, 'x-forwarded-proto').join(', ') || origin.proto;
  const host = allNamed(fields, 'x-forwarded-host').join(', ') || origin.host;
  const hostLine = host === null ? '' : `X-Forwarded-Host: ${host}\r\n`;
  const rest = fields.linesWhere((index) => isPassedOn(fields.name(index).toLowerCase()));
  return `X-Forwarded-For: ${hops}\r\nX-Forwarded-Proto: ${proto}\r\n${hostLine}${rest}`;
}

const MADE_ANEW = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);

function isPassedOn(name: string): boolean {
  if (name === 'forwarded' || name === 'x-real-ip') return true;
  return name.startsWith('x-forwarded-') && !MADE_ANEW.has(name);
}

function allNamed(fields: FieldSection, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < fields.count; index++) {
    if (fields.isNamed(index, name) && fields.value(index) !== '') values.push(fields.value(index));
  }
  return values;
}
