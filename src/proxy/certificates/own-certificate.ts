/** A person's own certificate, read from two PEM files and checked: whatever is wrong with it is said at deploy. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { LumaError, messageOf } from '../../base/errors.ts';
import { OWN_CERTIFICATE_BYTES_MAX } from '../limits.ts';
import { issuerOfCertificate, namesOfCertificate } from './certificate-text.ts';

export interface CertificatePaths {
  readonly certificatePath: string;
  readonly privateKeyPath: string;
  /** How the settings that name them begin; left out: `tls`. */
  readonly setting?: 'tls' | 'tls-default';
}

export interface OwnCertificate {
  /** PEM: private key, then the chain. */
  readonly text: string;
  readonly names: readonly string[];
  readonly issuer: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/;

/**
 * `hosts`: those it must be good for. Rejects with `certificate_file_unreadable`, `certificate_invalid`,
 * `private_key_invalid`, `private_key_mismatch`, `certificate_expired` or `certificate_names`.
 */
export async function readCertificate(
  paths: CertificatePaths,
  hosts: readonly string[],
  nowMs: number,
): Promise<OwnCertificate> {
  const chainPems = (await readPem(paths, 'certificate')).match(CERTIFICATE) ?? [];
  const chain = chainPems.map((pem) => parseCertificate(pem, paths));
  const leaf = chain[0];
  if (leaf === undefined) throw invalid(paths, 'it has no `-----BEGIN CERTIFICATE-----`');
  const keyPem = PRIVATE_KEY.exec(await readPem(paths, 'private-key'))?.[0];
  checkKey(chain, parseKey(keyPem, paths), paths);
  checkUse(chainPems, keyPem ?? '', paths);
  const facts = {
    names: namesOfCertificate(leaf),
    issuer: issuerOfCertificate(leaf),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
  };
  checkPeriod(facts, nowMs, paths);
  checkNames(facts.names, hosts, paths);
  return { ...facts, text: `${[keyPem, ...chainPems].join('\n')}\n` };
}

/** RFC 9525 §6.3: a wildcard stands for one level. `host` may be a wildcard itself. */
export function isCovered(host: string, names: readonly string[]): boolean {
  return names.some((name) => name === host || (name.startsWith('*.') && parentOf(host) === name.slice(2)));
}

function parentOf(host: string): string {
  return host.slice(host.indexOf('.') + 1);
}

async function readPem(paths: CertificatePaths, which: 'certificate' | 'private-key'): Promise<string> {
  const path = which === 'certificate' ? paths.certificatePath : paths.privateKeyPath;
  const details = { path };
  const hint = `name a PEM file that luma-proxy itself can read with ${flag(paths, which)}`;
  try {
    const { size } = await stat(path);
    if (size > OWN_CERTIFICATE_BYTES_MAX)
      throw new Error(`it has more than ${OWN_CERTIFICATE_BYTES_MAX} bytes`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    const message = `cannot read the ${which.replace('-', ' ')} ${path}: ${messageOf(cause)}`;
    throw new LumaError('certificate_file_unreadable', message, { hint, cause, details });
  }
}

function parseCertificate(pem: string, paths: CertificatePaths): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw invalid(paths, messageOf(cause), cause);
  }
}

function parseKey(pem: string | undefined, paths: CertificatePaths): KeyObject {
  const path = paths.privateKeyPath;
  const hint = `name an unencrypted PEM file (\`openssl pkey -in KEY\` takes a passphrase off) with ${flag(paths, 'private-key')}`;
  const message = `${path} is no private key that can be used`;
  if (pem === undefined)
    throw new LumaError('private_key_invalid', `${message}: it has no \`PRIVATE KEY\` in PEM`, {
      hint,
      details: { path },
    });
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new LumaError('private_key_invalid', `${message}: ${messageOf(cause)}`, {
      hint,
      cause,
      details: { path },
    });
  }
}

function checkKey(chain: readonly X509Certificate[], key: KeyObject, paths: CertificatePaths): void {
  const at = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (at === 0) return;
  const { certificatePath, privateKeyPath } = paths;
  const message =
    at > 0
      ? `${privateKeyPath} belongs to certificate ${at + 1} of ${certificatePath}, not to the first`
      : `${privateKeyPath} is not the key of ${certificatePath}`;
  throw new LumaError('private_key_mismatch', message, {
    hint: 'the certificate file begins with the certificate of the hosts; those that signed it follow',
    details: { certificate_path: certificatePath, private_key_path: privateKeyPath },
  });
}

/** What TLS itself says of it: BoringSSL refuses more than the syntax, such as a key usage without signatures. */
function checkUse(chainPems: readonly string[], keyPem: string, paths: CertificatePaths): void {
  try {
    createSecureContext({ cert: chainPems.join('\n'), key: keyPem });
  } catch (cause) {
    throw invalid(paths, `TLS refuses it (${messageOf(cause)})`, cause);
  }
}

function checkPeriod(
  { notBefore, notAfter }: Pick<OwnCertificate, 'notBefore' | 'notAfter'>,
  nowMs: number,
  paths: CertificatePaths,
): void {
  const { certificatePath } = paths;
  if (notBefore <= nowMs && nowMs < notAfter) return;
  const isOver = nowMs >= notAfter;
  const when = new Date(isOver ? notAfter : notBefore).toISOString();
  throw new LumaError(
    'certificate_expired',
    `${certificatePath} ${isOver ? 'expired on' : 'is not valid before'} ${when}`,
    {
      hint: isOver
        ? `renew it, or leave ${flag(paths, 'certificate')} out`
        : 'check the clock of this machine',
      details: { path: certificatePath },
    },
  );
}

function checkNames(
  names: readonly string[],
  hosts: readonly string[],
  { certificatePath }: CertificatePaths,
): void {
  // Who asks for anything may be shown anything.
  const missing = hosts.filter((host) => host !== '' && !isCovered(host, names));
  if (missing.length === 0) return;
  const good = names.length === 0 ? 'no host name at all' : names.join(', ');
  throw new LumaError(
    'certificate_names',
    `${certificatePath} is good for ${good}, not for ${missing.join(', ')}`,
    {
      hint: 'name a certificate whose subject alternative names have every --host',
      details: { path: certificatePath, missing },
    },
  );
}

function flag({ setting = 'tls' }: CertificatePaths, which: 'certificate' | 'private-key'): string {
  return `--${setting}-${which}-path`;
}

function invalid(paths: CertificatePaths, why: string, cause?: unknown): LumaError {
  const path = paths.certificatePath;
  return new LumaError('certificate_invalid', `${path} is no certificate that can be used: ${why}`, {
    hint: `name a PEM file with the certificate and then those that signed it with ${flag(paths, 'certificate')}`,
    ...(cause === undefined ? {} : { cause }),
    details: { path },
  });
}
