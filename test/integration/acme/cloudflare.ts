/** Stands in for Cloudflare: its API for one zone, whose TXT records pebble-challtestsrv really serves. */
import type { Server } from 'bun';
import type { Pebble } from './pebble.ts';

export class CloudflareZone {
  readonly token = 'cf-token';
  /** Names of records that are there. */
  readonly records = new Map<string, string>();
  readonly #server: Server<undefined>;
  readonly #zone: string;
  #count = 0;
  pebble: Pebble | undefined;

  constructor(zone: string) {
    this.#zone = zone;
    this.#server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => this.#answer(request) });
  }

  get flags(): readonly string[] {
    return [
      '--acme-dns-provider',
      'cloudflare',
      '--cloudflare-api-url',
      `http://127.0.0.1:${this.#server.port}/client/v4`,
    ];
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    if (request.headers.get('authorization') !== `Bearer ${this.token}`) {
      return Response.json(
        { success: false, errors: [{ code: 10_000, message: 'Authentication error' }] },
        { status: 403 },
      );
    }
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith('/zones')) {
      const isOurs = searchParams.get('name') === this.#zone;
      return answered(isOurs ? [{ id: 'zone-1', name: this.#zone }] : []);
    }
    if (request.method === 'POST')
      return answered({ id: await this.#add((await request.json()) as TxtRequest) });
    await this.#remove(pathname.split('/').at(-1) ?? '');
    return answered({});
  }

  async #add({ type, name, content }: TxtRequest): Promise<string> {
    if (type !== 'TXT') throw new Error(`a record of type ${type}`);
    this.#count += 1;
    this.records.set(`r${this.#count}`, name);
    await this.pebble?.dns('set-txt', { host: `${name}.`, value: content.replace(/^"|"$/g, '') });
    return `r${this.#count}`;
  }

  async #remove(id: string): Promise<void> {
    await this.pebble?.dns('clear-txt', { host: `${this.records.get(id)}.` });
    this.records.delete(id);
  }
}

interface TxtRequest {
  readonly type: string;
  readonly name: string;
  readonly content: string;
}

function answered(result: unknown): Response {
  return Response.json({ success: true, errors: [], messages: [], result });
}
