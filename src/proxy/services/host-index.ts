/** Which service has a host: a host belongs to one service. Owned by the services’ claims. */

export class HostIndex {
  readonly #serviceOf = new Map<string, string>();

  /** The first of these hosts that another service has. */
  firstTaken(service: string, hosts: readonly string[]): { host: string; service: string } | null {
    for (const host of hosts) {
      const holder = this.#serviceOf.get(host);
      if (holder !== undefined && holder !== service) return { host, service: holder };
    }
    return null;
  }

  claim(service: string, hosts: readonly string[]): void {
    for (const host of hosts) this.#serviceOf.set(host, service);
  }

  release(service: string, hosts: readonly string[]): void {
    for (const host of hosts) {
      if (this.#serviceOf.get(host) === service) this.#serviceOf.delete(host);
    }
  }
}
