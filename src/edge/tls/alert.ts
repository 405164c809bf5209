/** What is said to a client whose handshake is refused before TLS has begun (RFC 8446 §6.2): one record in the clear. */

export const ALERTS = {
  decodeError: 50,
  internalError: 80,
  unrecognizedName: 112,
  noApplicationProtocol: 120,
} as const;

export type Alert = (typeof ALERTS)[keyof typeof ALERTS];

const CONTENT_ALERT = 21;
const FATAL = 2;

export function writeAlert(alert: Alert): Buffer {
  return Buffer.from([CONTENT_ALERT, 3, 3, 0, 2, FATAL, alert]);
}
