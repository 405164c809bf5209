/** Which bytes may stand where (RFC 9110 §5.5, §5.6.2; RFC 3986 §3), as tables of 256. No state. */

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;
export const DEL = 127;

function tableOf(isMember: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isMember(byte) ? 1 : 0));
}

function isAlphanumeric(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
}

/** `tchar` of RFC 9110 §5.6.2. */
export const IS_TOKEN = tableOf(
  (byte) => isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(byte)),
);

/** `field-vchar`, SP and HTAB of RFC 9110 §5.5. */
export const IS_FIELD_VALUE = tableOf((byte) => byte === HTAB || (byte >= 32 && byte !== 127));

/** Visible ASCII, and bytes above it, which browsers and many applications do send in targets. */
export const IS_TARGET = tableOf((byte) => byte > 32 && byte !== 127);

export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (IS_TOKEN[text.charCodeAt(at)] !== 1) return false;
  }
  return text.length > 0;
}
