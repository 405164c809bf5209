/** An edge that speaks HTTPS, in this process, before the origin of these tests: for what clients do over HTTP/2. */

import { makeCertificate } from '../../src/base/certificate.fixture.ts';
import { eventually } from '../../src/edge/exchange/edge.fixture.ts';
import { TlsFixture } from '../../src/edge/exchange/tls.fixture.ts';
import { firstLine, NodeProgram } from './node-program.ts';

export class HttpsStage {
  readonly #fixture = new TlsFixture();
  #program: NodeProgram | null = null;
  #origin: Bun.Subprocess<'pipe', 'pipe', 'pipe'> | null = null;

  async start(): Promise<void> {
    const program = await NodeProgram.build('origin.ts');
    this.#program = program;
    this.#origin = program.start();
    const port = Number(await firstLine(this.#origin.stdout));
    this.#fixture.serve([port], { hosts: ['app.localhost', 'localhost', '127.0.0.1'], responseTimeoutMs: 0 });
    // Tools that are given an address name nobody.
    this.#fixture.certify(
      'app',
      ['', 'app.localhost', 'localhost'],
      makeCertificate(['app.localhost', 'localhost']),
    );
  }

  get port(): number {
    return this.#fixture.tlsPort;
  }

  /** Without TLS. */
  get plainPort(): number {
    return this.#fixture.port;
  }

  /** For browsers, which know that `*.localhost` is this machine. */
  get browserAddress(): string {
    return `https://app.localhost:${this.port}`;
  }

  /** Every test ends so: no exchange is counted any more. */
  async untilQuiet(): Promise<void> {
    await eventually(() => {
      const { exchanges, held } = this.#fixture.edge.stats();
      return exchanges === 0 && held === 0 && this.#fixture.totals(1).inFlight === 0;
    });
  }

  async stop(): Promise<void> {
    const origin = this.#origin;
    origin?.kill('SIGKILL');
    await origin?.exited;
    this.#program?.remove();
    const { bugs } = this.#fixture;
    this.#fixture.close();
    if (bugs.length > 0) throw bugs[0];
  }
}
