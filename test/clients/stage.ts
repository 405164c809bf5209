/** A real luma-proxy with worker processes before the origin of these tests: what every client test stands on. */
import { ProxyFixture, spec, target, until } from '../integration/proxy/proxy-fixture.ts';
import { firstLine, NodeProgram } from './node-program.ts';

export class Stage {
  readonly #proxy = new ProxyFixture();
  #program: NodeProgram | null = null;
  #origin: Bun.Subprocess<'pipe', 'pipe', 'pipe'> | null = null;

  async start(workers = 2): Promise<void> {
    const [program] = await Promise.all([NodeProgram.build('origin.ts'), this.#proxy.start({ workers })]);
    this.#program = program;
    this.#origin = program.start();
    const port = Number(await firstLine(this.#origin.stdout));
    const hosts = ['app.localhost', '127.0.0.1'];
    const control = this.#proxy.link('clients', 1, [
      spec('app', { hosts, targets: [target('origin', port)] }),
    ]);
    await control.hears('answered app origin');
  }

  get port(): number {
    return this.#proxy.port;
  }

  get workerPids(): readonly number[] {
    return this.#proxy.workerPids;
  }

  /** For clients that take an address as it is. */
  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** For browsers, which know that `*.localhost` is this machine. */
  get browserAddress(): string {
    return `http://app.localhost:${this.port}`;
  }

  /** Every test ends so: no exchange is counted any more. */
  async untilQuiet(): Promise<void> {
    await until('no exchange is counted any more', async () => {
      const { in_flight, held, targets } = await this.#proxy.client.getService('app');
      return in_flight === 0 && held === 0 && targets.every((one) => one.in_flight === 0);
    });
  }

  async stop(): Promise<void> {
    const origin = this.#origin;
    origin?.kill('SIGKILL');
    await origin?.exited;
    this.#program?.remove();
    await this.#proxy.dispose();
  }
}
