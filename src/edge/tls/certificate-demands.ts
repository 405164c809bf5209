/**
 * Handshakes that wait for a certificate which the daemon may yet obtain: one question for all who ask for a host. Owned by
 * a worker; the handshake's own deadline ends whoever waits in vain.
 */
interface Demand {
  readonly answered: Promise<void>;
  readonly resolve: () => void;
}

export class CertificateDemands {
  readonly #ask: (host: string) => void;
  readonly #hostsMax: number;
  readonly #waiting = new Map<string, Demand>();

  constructor(ask: (host: string) => void, hostsMax: number) {
    this.#ask = ask;
    this.#hostsMax = hostsMax;
  }

  get hostCount(): number {
    return this.#waiting.size;
  }

  /** Resolves when the daemon has answered; null: so many hosts are asked for already that this one is not. */
  wait(host: string): Promise<void> | null {
    const known = this.#waiting.get(host);
    if (known) return known.answered;
    if (this.#waiting.size >= this.#hostsMax) return null;
    const { promise: answered, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(host, { answered, resolve });
    this.#ask(host);
    return answered;
  }

  /** There is one now, or there is to be none. */
  answered(host: string): void {
    this.#waiting.get(host)?.resolve();
    this.#waiting.delete(host);
  }

  /** For a daemon that was not there when it was said. */
  sayAgain(): void {
    for (const host of this.#waiting.keys()) this.#ask(host);
  }
}
