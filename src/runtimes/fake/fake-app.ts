/** The app of a running fake instance: nothing, or a real HTTP server on a loopback port. Owned by its instance. */
import type { Clock, Timer } from '../../base/clock.ts';

export interface FakeAppOptions {
  readonly clock: Clock;
  /** Null: it does not really listen. */
  readonly respond: ((request: Request) => Response | Promise<Response>) | null;
  /** The port it says it has when it does not listen. */
  readonly pretendedPort: number;
  readonly bootMs: number;
  readonly isMute: boolean;
}

export class FakeApp {
  readonly port: number;
  readonly #options: FakeAppOptions;
  #server: Bun.Server<undefined> | null = null;
  #boot: Timer | null = null;
  #isUp = false;
  #frozen: PromiseWithResolvers<void> | null = null;

  constructor(options: FakeAppOptions) {
    this.#options = options;
    const { bootMs, isMute, clock, respond, pretendedPort } = options;
    this.port = respond ? (isMute || bootMs > 0 ? findFreePort() : 0) : pretendedPort;
    if (!isMute && bootMs > 0) this.#boot = clock.after(bootMs, () => this.#listen());
    if (!isMute && bootMs === 0) this.#listen();
    if (this.port === 0) this.port = this.#server?.port ?? 0;
  }

  get answers(): boolean {
    return this.#isUp && this.#frozen === null;
  }

  freeze(): void {
    this.#frozen ??= Promise.withResolvers<void>();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = null;
  }

  /** Its connections break, as a dead process's do. */
  end(): void {
    this.#isUp = false;
    this.#boot?.cancel();
    void this.#server?.stop(true);
    this.thaw();
  }

  #listen(): void {
    this.#isUp = true;
    const { respond } = this.#options;
    if (!respond) return;
    this.#server = Bun.serve({
      hostname: '127.0.0.1',
      port: this.port,
      idleTimeout: 0,
      fetch: async (request) => {
        await this.#frozen?.promise;
        return respond(request);
      },
    });
  }
}

/** Free at this moment; good enough for the app that opens it a little later. */
function findFreePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
  server.stop(true);
  return server.port;
}
