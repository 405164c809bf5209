/** Requests one after the other, each on a connection of its own, until told to stop. */
import { CountedLoad } from './counted-load.ts';
import type { ProxyFixture } from './proxy-fixture.ts';

const CLIENTS = 4;

export class RequestLoad extends CountedLoad {
  readonly #proxy: ProxyFixture;
  readonly #port: number;

  constructor(proxy: ProxyFixture) {
    super(CLIENTS);
    this.#proxy = proxy;
    this.#port = proxy.port;
  }

  protected async use(): Promise<void> {
    const { status } = await this.#proxy.get('hello.test', '/', {}, this.#port);
    if (status === 200) this.noteAnswer();
    else this.noteFailure(String(status));
  }
}
