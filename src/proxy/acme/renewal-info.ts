/** ACME Renewal Information (RFC 9773): how a certificate is named, and when its CA would like it renewed. Pure but for the asking. */
import { X509Certificate } from 'node:crypto';
import { isRecord } from './acme-problem.ts';
import type { AcmeTransport } from './acme-transport.ts';
import { RENEWAL_INFO_PERIOD_MAX_MS, RENEWAL_INFO_PERIOD_MIN_MS, RENEWAL_INFO_PERIOD_MS } from './limits.ts';

export interface RenewalInfo {
  readonly start: number;
  readonly end: number;
  /** When to ask again. */
  readonly askAgainMs: number;
}

/** Null: the certificate has no authority key identifier, so it has no name (RFC 9773 §4.1). */
export function renewalCertificateId(certificatePem: string): string | null {
  const { raw, serialNumber } = new X509Certificate(certificatePem);
  const keyId = authorityKeyIdOf(raw);
  if (keyId === null) return null;
  return `${keyId.toString('base64url')}.${serialBytes(serialNumber).toString('base64url')}`;
}

/** Null: what it says makes no sense, and is as if it had not been said. */
export async function askRenewalInfo(
  transport: AcmeTransport,
  renewalInfoUrl: string,
  id: string,
  signal: AbortSignal,
): Promise<RenewalInfo | null> {
  const url = `${renewalInfoUrl.replace(/\/$/, '')}/${id}`;
  const { data, retryAfterMs } = await transport.send({ url, method: 'GET', signal });
  const window = isRecord(data) ? data['suggestedWindow'] : undefined;
  if (!isRecord(window)) return null;
  const [start, end] = [window['start'], window['end']].map((text) => Date.parse(String(text)));
  // §4.2: an end before its start is no window.
  if (start === undefined || end === undefined || !(end > start)) return null;
  const askedMs = retryAfterMs ?? RENEWAL_INFO_PERIOD_MS;
  const askAgainMs = Math.min(RENEWAL_INFO_PERIOD_MAX_MS, Math.max(RENEWAL_INFO_PERIOD_MIN_MS, askedMs));
  return { start, end, askAgainMs };
}

/** The DER integer: a first bit that is set would make it negative. */
function serialBytes(hex: string): Buffer {
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return bytes[0] !== undefined && bytes[0] >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
}

/** 2.5.29.35, as it stands in a certificate. */
const AUTHORITY_KEY_ID = Buffer.from('0603551d23', 'hex');
const OCTET_STRING = 0x04;
const SEQUENCE = 0x30;
const KEY_IDENTIFIER = 0x80;

/** `SEQUENCE { OID, OCTET STRING { SEQUENCE { [0] key identifier … } } }` (RFC 5280 §4.2.1.1); never critical. */
export function authorityKeyIdOf(der: Buffer): Buffer | null {
  const found = der.indexOf(AUTHORITY_KEY_ID);
  if (found < 0) return null;
  const value = elementOf(der.subarray(found + AUTHORITY_KEY_ID.length), OCTET_STRING);
  const sequence = value && elementOf(value, SEQUENCE);
  return sequence && elementOf(sequence, KEY_IDENTIFIER);
}

/** The content of the first element, if it is of this kind; lengths up to 65,535. */
function elementOf(der: Buffer, tag: number): Buffer | null {
  const [kind, first = 0, second = 0, third = 0] = der;
  if (kind !== tag) return null;
  const [headBytes, length] =
    first < 0x80
      ? [2, first]
      : first === 0x81
        ? [3, second]
        : [4, first === 0x82 ? second * 256 + third : -1];
  const content = der.subarray(headBytes, headBytes + length);
  return length >= 0 && content.length === length ? content : null;
}
