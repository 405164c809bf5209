/** As many certificates as a bench wants, each with a key of its own (P-256, self-signed, DER by hand): openssl takes minutes. */
import { generateKeyPairSync, sign } from 'node:crypto';

const OID_ECDSA_SHA256 = '2a8648ce3d040302';
const OID_COMMON_NAME = '550403';
const OID_SUBJECT_ALT_NAME = '551d11';
const SEQUENCE = 0x30;
const BASE64_LINE = /.{1,64}/g;

/** PEM: private key, then the certificate, good for this name from 2020 to 2049. */
export function distinctCertificate(name: string, serial: number): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(SEQUENCE, oid(OID_ECDSA_SHA256));
  const commonName = der(SEQUENCE, oid(OID_COMMON_NAME), der(0x0c, Buffer.from(name)));
  const subject = der(SEQUENCE, der(0x31, commonName));
  const names = der(SEQUENCE, der(0x82, Buffer.from(name)));
  const altName = der(SEQUENCE, oid(OID_SUBJECT_ALT_NAME), der(0x04, names));
  const period = der(
    SEQUENCE,
    der(0x17, Buffer.from('200101000000Z')),
    der(0x17, Buffer.from('491231000000Z')),
  );
  const number = Buffer.alloc(4);
  number.writeUInt32BE(serial);
  const body = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    // A first byte that keeps it positive and as short as it can be, as DER wants it.
    der(0x02, Buffer.concat([Buffer.from([0x40]), number])),
    ...[algorithm, subject, period, subject, publicKey.export({ type: 'spki', format: 'der' })],
    der(0xa3, der(SEQUENCE, altName)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]);
  const certificate = der(SEQUENCE, body, algorithm, der(0x03, signature));
  const lines = certificate.toString('base64').match(BASE64_LINE) ?? [];
  const pem = ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  return `${privateKey.export({ type: 'pkcs8', format: 'pem' })}${pem}`;
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  if (body.length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, body.length]), body]);
  return Buffer.concat([Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]), body]);
}
