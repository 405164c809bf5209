/**
 * Host to certificate. A change replaces only the entries of the certificates it names, so an update costs the same
 * with 10,000 of them as with ten.
 */
import type { CertificateChange, EdgeCertificate } from './edge-certificate.ts';

const DEFAULT_NAME = '';

export class CertificateTable {
  readonly #certificates = new Map<string, EdgeCertificate>();
  /** By exact name, `*.suffix`, and `''` for the default; the one to show first. */
  readonly #byName = new Map<string, readonly EdgeCertificate[]>();

  get size(): number {
    return this.#certificates.size;
  }

  values(): Iterable<EdgeCertificate> {
    return this.#certificates.values();
  }

  apply({ put, remove }: CertificateChange): void {
    for (const id of remove) this.#remove(id);
    for (const certificate of put) {
      this.#remove(certificate.id);
      this.#certificates.set(certificate.id, certificate);
      for (const name of certificate.names) this.#insert(name, certificate);
    }
  }

  /** `serverName` in lower case; null: the client named none. */
  find(serverName: string | null): EdgeCertificate | null {
    if (serverName !== null && serverName !== DEFAULT_NAME) {
      const exact = this.#byName.get(serverName)?.[0];
      if (exact !== undefined) return exact;
      const dot = serverName.indexOf('.');
      const wildcard = dot > 0 ? this.#byName.get(`*${serverName.slice(dot)}`)?.[0] : undefined;
      if (wildcard !== undefined) return wildcard;
    }
    return this.#byName.get(DEFAULT_NAME)?.[0] ?? null;
  }

  #insert(name: string, certificate: EdgeCertificate): void {
    const known = this.#byName.get(name) ?? [];
    this.#byName.set(name, [...known, certificate].sort(byPrecedence));
  }

  #remove(id: string): void {
    const certificate = this.#certificates.get(id);
    if (certificate === undefined) return;
    this.#certificates.delete(id);
    for (const name of certificate.names) {
      const left = (this.#byName.get(name) ?? []).filter((other) => other !== certificate);
      if (left.length > 0) this.#byName.set(name, left);
      else this.#byName.delete(name);
    }
  }
}

/** The same on every worker, in whatever order they heard of them. */
function byPrecedence(a: EdgeCertificate, b: EdgeCertificate): number {
  const own = Number(b.isOwn === true) - Number(a.isOwn === true);
  if (own !== 0) return own;
  return b.notBefore - a.notBefore || (a.id < b.id ? -1 : 1);
}
