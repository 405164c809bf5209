/** Certificates for tests, made by openssl: one authority per process, leaves as they are asked for. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';

export interface TestCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface TestCertificateOptions {
  /** `ec` P-256 unless told otherwise. */
  readonly key?: 'ec' | 'rsa';
  /** As openssl writes the extension; left out: none. */
  readonly keyUsage?: string;
}

const DAYS = 30;

/** Self-signed, for these names. */
export function makeCertificate(
  names: readonly string[],
  { key = 'ec', keyUsage }: TestCertificateOptions = {},
): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'luma-certificate-'));
  try {
    const keyPath = join(folder, 'key.pem');
    const certificatePath = join(folder, 'certificate.pem');
    const kind = key === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048'];
    const altNames = `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`;
    openssl([
      ...['req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', keyPath, '-out', certificatePath],
      ...['-days', String(DAYS)],
      ...(keyUsage === undefined ? [] : ['-addext', `keyUsage=${keyUsage}`]),
      ...['-subj', `/CN=${names[0] ?? 'nobody'}`, '-addext', altNames],
    ]);
    return {
      certificatePem: readFileSync(certificatePath, 'utf8'),
      privateKeyPem: readFileSync(keyPath, 'utf8'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function contextOf({ certificatePem, privateKeyPem }: TestCertificate): SecureContext {
  return createSecureContext({ cert: certificatePem, key: privateKeyPem, minVersion: 'TLSv1.2' });
}

/** As the daemon keeps it: private key, then the chain. */
export function writeCertificate(path: string, { certificatePem, privateKeyPem }: TestCertificate): void {
  writeFileSync(path, privateKeyPem + certificatePem, { mode: 0o600 });
}

function openssl(words: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(['openssl', ...words], { stdout: 'ignore', stderr: 'pipe' });
  if (exitCode !== 0) throw new Error(`openssl ${words.join(' ')}: ${stderr.toString()}`);
}
