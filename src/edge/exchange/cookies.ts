/** Cookies as the edge reads and sets them: by name, without quotes or decoding (RFC 6265 §4). Pure. */
import type { FieldSection } from '../http1/field-section.ts';

/** The first value of that name; null: none, or an empty one. */
export function cookieNamed(fields: FieldSection, name: string): string | null {
  for (let index = 0; index < fields.count; index++) {
    if (!fields.isNamed(index, 'cookie')) continue;
    const value = valueIn(fields.value(index), name);
    if (value !== null) return value;
  }
  return null;
}

function valueIn(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    return pair.slice(equals + 1).trim() || null;
  }
  return null;
}

/** As long as Cloud Run remembers. */
const AGE_SECONDS = 30 * 24 * 60 * 60;

/** A whole line. Scripts have no use for it, and other sites' requests bring it along by links alone. */
export function cookieLine(name: string, value: string, isSecure: boolean): string {
  const secure = isSecure ? '; Secure' : '';
  return `Set-Cookie: ${name}=${value}; Path=/; Max-Age=${AGE_SECONDS}; HttpOnly; SameSite=Lax${secure}\r\n`;
}
