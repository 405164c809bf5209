/** Long downloads and WebSockets end by drain rules: whole where they may finish, cut when their time is over, never by accident. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ProxyFixture, until } from './proxy-fixture.ts';

const PIECES = 40;
const PIECE = 'x'.repeat(64 * 1024);

/** Echoes over WebSockets; `/download` gives a piece whenever it is told to. */
class LongApp {
  readonly #server: Bun.Server<undefined>;
  readonly #downloads: ReadableStreamDefaultController<Uint8Array>[] = [];

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      websocket: { message: (socket, message) => void socket.send(message) },
      fetch: (request, server) => {
        if (server.upgrade(request)) return undefined;
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => void this.#downloads.push(controller),
        });
        return new Response(body, { headers: { 'content-type': 'application/octet-stream' } });
      },
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  get downloadCount(): number {
    return this.#downloads.length;
  }

  give(pieces: number): void {
    for (const download of this.#downloads)
      for (let index = 0; index < pieces; index++) download.enqueue(Buffer.from(PIECE));
  }

  finish(): void {
    for (const download of this.#downloads.splice(0)) download.close();
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}

let proxy: ProxyFixture;
let apps: LongApp[];
beforeEach(() => {
  proxy = new ProxyFixture();
  apps = [new LongApp(), new LongApp()];
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await proxy.dispose();
});

const deploy = (app: LongApp, drain_timeout_ms = 20_000) =>
  proxy.client.deploy('shop', { hosts: ['shop.test'], targets: [app.address], drain_timeout_ms });

class Socket {
  readonly heard: string[] = [];
  closed: number | null = null;
  readonly #socket: WebSocket;

  constructor() {
    this.#socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, { headers: { host: 'shop.test' } });
    this.#socket.onmessage = ({ data }) => void this.heard.push(String(data));
    this.#socket.onclose = ({ code }) => {
      this.closed = code;
    };
  }

  async opened(): Promise<void> {
    await until('a WebSocket to open', () => this.#socket.readyState === WebSocket.OPEN);
  }

  async echoes(text: string): Promise<void> {
    this.#socket.send(text);
    await until(`the echo of ${text}`, () => this.heard.includes(text));
  }
}

async function download(): Promise<number> {
  const answer = await proxy.get('shop.test', '/download');
  return (await answer.text()).length;
}

test('a deploy waits for a download, and cuts a WebSocket when its drain timeout is over', async () => {
  await proxy.start({ workers: 1 });
  await deploy(apps[0]!);
  const socket = new Socket();
  await socket.opened();
  const length = download();
  await until('both in flight', async () => (await proxy.client.getService('shop')).in_flight === 2);
  const switched = deploy(apps[1]!, 1_500);
  await until('the switch', async () => (await proxy.client.getService('shop')).targets.length === 2);
  apps[0]!.give(PIECES);
  await socket.echoes('during the drain');
  apps[0]!.finish();
  expect(await length).toBe(PIECES * PIECE.length);
  expect(socket.closed).toBeNull();
  expect(await switched).toMatchObject({ cut: 1, replaced: [apps[0]!.address] });
  await until('the WebSocket to end', () => socket.closed !== null);
}, 20_000);

test('a download that is not over when the drain timeout is, ends short, and its client sees that', async () => {
  await proxy.start({ workers: 1 });
  await deploy(apps[0]!);
  const answering = proxy.get('shop.test', '/download');
  await until('a download to begin', () => apps[0]!.downloadCount > 0);
  apps[0]!.give(PIECES);
  const answer = await answering;
  expect(await deploy(apps[1]!, 200)).toMatchObject({ cut: 1 });
  const outcome = await answer.text().then(
    (text) => `${text.length} bytes`,
    () => 'broken',
  );
  expect(outcome).toBe('broken');
}, 20_000);

test('take-overs and a killed daemon leave downloads and WebSockets alone', async () => {
  await proxy.start({ workers: 1 });
  await deploy(apps[0]!);
  const socket = new Socket();
  await socket.opened();
  const length = download();
  await until('both in flight', async () => (await proxy.client.getService('shop')).in_flight === 2);
  for (let round = 0; round < 3; round++) {
    apps[0]!.give(PIECES / 4);
    const { exited } = await proxy.startAnother({ workers: 1, port: proxy.port });
    expect(await exited).toBe(0);
    await socket.echoes(`after take-over ${round}`);
  }
  await proxy.signal('SIGKILL');
  await socket.echoes('without a daemon');
  await proxy.start({ workers: 1, port: proxy.port });
  apps[0]!.give(PIECES / 4);
  apps[0]!.finish();
  expect(await length).toBe(PIECES * PIECE.length);
  await socket.echoes('at the end');
  expect((await proxy.client.getService('shop')).in_flight).toBe(1);
}, 30_000);
