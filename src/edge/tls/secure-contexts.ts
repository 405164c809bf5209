/**
 * What handshakes need of a certificate, read from its file when the first of them asks and kept while it is used: so
 * thousands of certificates cost nothing until somebody comes. Owns the contexts; connections keep the one they have.
 */
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { EdgeCertificate } from './edge-certificate.ts';

/** Forward secrecy and authenticated encryption only; TLS 1.3 has no others. */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/** Throws what node:tls throws for PEM that it cannot use. */
export function secureContextOf(certificatePem: string, privateKeyPem: string): SecureContext {
  return createSecureContext({
    cert: certificatePem,
    key: privateKeyPem,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: false,
  });
}

interface Kept {
  readonly certificate: EdgeCertificate;
  readonly context: SecureContext;
}

export class SecureContexts {
  readonly #keptMax: number;
  readonly #onError: (error: unknown) => void;
  /** By id, the one used longest ago first. */
  readonly #kept = new Map<string, Kept>();
  readonly #loading = new Map<EdgeCertificate, Promise<SecureContext>>();

  constructor(keptMax: number, onError: (error: unknown) => void) {
    this.#keptMax = keptMax;
    this.#onError = onError;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** At once if it is kept; rejects where its file cannot be used and none for the same id is kept. */
  get(certificate: EdgeCertificate): SecureContext | Promise<SecureContext> {
    const kept = this.#kept.get(certificate.id);
    if (kept?.certificate !== certificate) return this.#load(certificate);
    this.#keep(kept);
    return kept.context;
  }

  drop(id: string): void {
    this.#kept.delete(id);
  }

  #load(certificate: EdgeCertificate): Promise<SecureContext> {
    const under = this.#loading.get(certificate);
    if (under !== undefined) return under;
    const loading = this.#read(certificate).finally(() => this.#loading.delete(certificate));
    this.#loading.set(certificate, loading);
    return loading;
  }

  async #read(certificate: EdgeCertificate): Promise<SecureContext> {
    try {
      const text = await readFile(certificate.file, 'utf8');
      const chainAt = text.indexOf('-----BEGIN CERTIFICATE-----');
      const context = secureContextOf(text.slice(chainAt), text.slice(0, chainAt));
      this.#keep({ certificate, context });
      return context;
    } catch (error) {
      // A renewed one that cannot be read is no reason to refuse who comes: the one before still serves.
      const before = this.#kept.get(certificate.id);
      if (before === undefined) throw error;
      this.#onError(error);
      return before.context;
    }
  }

  #keep(kept: Kept): void {
    const { id } = kept.certificate;
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    if (this.#kept.size <= this.#keptMax) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      return;
    }
  }
}
