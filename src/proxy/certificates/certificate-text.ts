/** A certificate as one PEM text: what Luma knows of it in a line of its own, then the private key, then the chain. Pure. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { LumaError, messageOf } from '../../base/errors.ts';

/** Text before the first block is ignored by whoever reads PEM (RFC 7468 §2): key, chain and origin are one file. */
const ORIGIN_PREFIX = 'luma-certificate: ';

const originSchema = z.strictObject({
  version: z.literal(1),
  /** The host it was ordered for. */
  name: z.string().min(1),
  directoryUrl: z.string().min(1),
  challenge: z.enum(['http-01', 'tls-alpn-01', 'dns-01']).nullable(),
  /** For a host that no service names: the service's own word allowed it. */
  isOnDemand: z.boolean(),
});

/** How a certificate came to be. */
export type CertificateOrigin = Readonly<Omit<z.infer<typeof originSchema>, 'version'>>;

export interface CertificateFacts {
  readonly names: readonly string[];
  readonly issuer: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export function certificateText(origin: CertificateOrigin, keyPem: string, chainPem: string): string {
  const line = `${ORIGIN_PREFIX}${JSON.stringify({ version: 1, ...origin })}`;
  return `${[line, keyPem.trim(), chainPem.trim()].join('\n')}\n`;
}

/** Throws `certificate_unreadable`, which says why. */
export function readCertificateText(text: string): CertificateFacts & CertificateOrigin {
  const [line = ''] = text.split('\n', 1);
  if (!line.startsWith(ORIGIN_PREFIX)) throw unreadable('it does not begin with `luma-certificate:`');
  const { version: _, ...origin } = readOrigin(line.slice(ORIGIN_PREFIX.length));
  return { ...readKeyAndChain(text), ...origin };
}

/** Of a text with a private key and its chain. Throws `certificate_unreadable`. */
export function readKeyAndChain(text: string): CertificateFacts {
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/.exec(text)?.[0];
  if (key === undefined) throw unreadable('it has no private key');
  return readChain(text, key);
}

/** Of the first certificate of a chain, whose key this must be. Throws `certificate_unreadable`. */
export function readChain(chainPem: string, keyPem: string): CertificateFacts {
  const leafPem = leafPemOf(chainPem);
  if (leafPem === null) throw unreadable('it has no certificate');
  return parsed(() => factsOf(leafPem, keyPem));
}

/** The first certificate in it. */
export function leafPemOf(text: string): string | null {
  return /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(text)?.[0] ?? null;
}

function factsOf(leafPem: string, keyPem: string): CertificateFacts {
  const leaf = new X509Certificate(leafPem);
  if (!leaf.checkPrivateKey(createPrivateKey(keyPem)))
    throw unreadable('the private key is of another certificate');
  return {
    names: namesOfCertificate(leaf),
    issuer: issuerOfCertificate(leaf),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
  };
}

/** DNS names, lower case. */
export function namesOfCertificate({ subjectAltName = '' }: X509Certificate): readonly string[] {
  const names = subjectAltName.split(', ').filter((name) => name.startsWith('DNS:'));
  return names.map((name) => name.slice('DNS:'.length).toLowerCase());
}

/** `Let's Encrypt R11`; all of it where it has neither organisation nor common name. */
export function issuerOfCertificate({ issuer }: X509Certificate): string {
  const lines = issuer.split('\n');
  const part = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
  return [...part('O'), ...part('CN')].join(' ') || lines.join(', ');
}

function readOrigin(json: string): z.infer<typeof originSchema> {
  return parsed(() => originSchema.parse(JSON.parse(json)));
}

function parsed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof LumaError ? error : unreadable(messageOf(error), error);
  }
}

function unreadable(why: string, cause?: unknown): LumaError {
  return new LumaError('certificate_unreadable', why, cause === undefined ? {} : { cause });
}
