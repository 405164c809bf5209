/** A directory in front of Pebble's, with what this Pebble lacks: renewal information (RFC 9773), as the test wants it. */
import type { Server } from 'bun';
import type { Pebble } from './pebble.ts';

export class DirectoryFront {
  readonly #server: Server<undefined>;
  /** Ids of certificates that are to be replaced now. */
  readonly overdue = new Set<string>();

  constructor(pebble: () => Pebble) {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        if (pathname.startsWith('/renewal-info/')) return this.#renewalInfo(pathname.split('/').at(-1) ?? '');
        const directory = (await (await pebble().ask(pebble().directoryUrl)).json()) as object;
        return Response.json({ ...directory, renewalInfo: this.#url('renewal-info') });
      },
    });
  }

  get directoryUrl(): string {
    return this.#url('dir');
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  #url(path: string): string {
    return `http://127.0.0.1:${this.#server.port}/${path}`;
  }

  #renewalInfo(id: string): Response {
    const shiftMs = this.overdue.has(id) ? -1e9 : 1e10;
    const [start, end] = [0, 1_000].map((atMs) => new Date(Date.now() + shiftMs + atMs).toISOString());
    return Response.json({ suggestedWindow: { start, end } }, { headers: { 'retry-after': '60' } });
  }
}
