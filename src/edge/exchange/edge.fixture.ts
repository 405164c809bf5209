/** An edge on real sockets for tests: a board in a temporary folder, a recording host, upstreams over node:net. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { Board, machineNowMs } from '../board/index.ts';
import {
  DEFAULT_EDGE_SETTINGS,
  Edge,
  type EdgeLimits,
  type EdgeSettings,
  type ServiceRoute,
  type TargetRoute,
} from '../index.ts';
import { PLAIN_OPTIONS } from '../routing/service-route.ts';

export class EdgeFixture {
  readonly wakes: string[] = [];
  readonly answered: string[] = [];
  readonly reached: string[] = [];
  readonly refused: string[] = [];
  readonly released: string[] = [];
  readonly certificatesWanted: string[] = [];
  readonly bugs: unknown[] = [];
  readonly edge: Edge;
  readonly port: number;
  readonly board: Board;
  generation = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), 'luma-edge-'));
  readonly #closers: (() => void)[] = [];
  readonly #hostname: string;

  constructor(
    limits: Partial<EdgeLimits> = {},
    clock: Clock = systemClock,
    { hostname = '127.0.0.1', ...settings }: Partial<EdgeSettings> & { readonly hostname?: string } = {},
  ) {
    this.board = Board.create(join(this.#folder, 'board'), { rows: 32, columns: 2 });
    this.#hostname = hostname;
    this.edge = new Edge({
      settings: { ...DEFAULT_EDGE_SETTINGS, ...settings },
      column: this.board.column(0),
      host: {
        wake: (service) => this.wakes.push(service),
        targetAnswered: (_service, id) => this.answered.push(id),
        targetReached: (_service, id) => this.reached.push(id),
        slotReleased: (service) => this.released.push(service),
        certificateWanted: (host) => this.certificatesWanted.push(host),
        targetRefused: (_service, id) => this.refused.push(id),
      },
      clock,
      limits: { sweepMs: 10, ...limits },
      onError: (error) => this.bugs.push(error),
    });
    this.port = this.edge.listen({ hostname, port: 0 }).port;
  }

  /** One open service on row 1 whose ready targets have rows from 2 on. */
  serve(ports: readonly number[], route: Partial<ServiceRoute> = {}): void {
    this.put({ ...route, targets: ports.map((port, index) => targetOn(port, index)) });
    this.open();
  }

  put(route: Partial<ServiceRoute>): void {
    this.generation++;
    this.edge.apply({ generation: this.generation, put: [{ ...SERVICE, ...route }], remove: [] });
  }

  open(): void {
    for (let row = 1; row < 8; row++) this.board.openGate(row, this.generation);
    this.edge.opened(SERVICE.name);
  }

  shut(): void {
    this.board.closeGate(1);
    this.edge.closed(SERVICE.name);
  }

  totals(row = 1): { inFlight: number; held: number; ends: number } {
    const { inFlight, held, ends } = this.board.totals(row, machineNowMs());
    return { inFlight, held, ends };
  }

  /** An upstream that hands each connection to `serve`. */
  async upstream(serve: (socket: Socket) => void, hostname = '127.0.0.1'): Promise<number> {
    const sockets = new Set<Socket>();
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      serve(socket);
    });
    server.listen(0, hostname);
    await once(server, 'listening');
    this.#closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return portOf(server);
  }

  async client(): Promise<RawClient> {
    const client = new RawClient(this.port, this.#hostname);
    this.#closers.push(() => client.socket.destroy());
    await client.connected;
    return client;
  }

  close(): void {
    this.edge.close();
    for (const close of this.#closers) close();
    rmSync(this.#folder, { recursive: true });
  }
}

export const SERVICE: ServiceRoute = {
  name: 'app',
  row: 1,
  hosts: ['app.test'],
  pathPrefixes: ['/'],
  stripPathPrefix: false,
  traffic: 'forward',
  holdTimeoutMs: 5_000,
  responseTimeoutMs: 5_000,
  targetConcurrency: 0,
  waitMode: 'hold',
  quietRules: [],
  quietAfterMs: null,
  ...PLAIN_OPTIONS,
  targets: [],
};

export function targetOn(port: number, index = 0, state: TargetRoute['state'] = 'ready'): TargetRoute {
  const readiness = { kind: 'connect', path: null, timeoutMs: 1_000 } as const;
  return { id: `instance-${index}`, row: 2 + index, host: '127.0.0.1', port, state, readiness };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}

const DATE_LINE = /Date: ([^\r]* GMT)\r\n/g;
const DATE_OF_NOW_MS = 60_000;

/** A date that a test states is long past. */
function isOfNow(date: string): boolean {
  return Math.abs(Date.parse(date) - Date.now()) < DATE_OF_NOW_MS;
}

/** A client of bytes: sends what it is told and remembers everything that came. */
export class RawClient {
  readonly socket: Socket;
  readonly connected: Promise<unknown>;
  /** `null` while open; otherwise how it went. */
  ending: 'fin' | 'reset' | null = null;
  #bytes = '';
  #shown = '';
  #waiters: (() => void)[] = [];

  constructor(port: number, host = '127.0.0.1') {
    this.socket = createConnection({ host, port, allowHalfOpen: true });
    this.socket.setNoDelay(true);
    this.connected = once(this.socket, 'connect');
    this.socket.on('data', (bytes: Buffer) => {
      this.#bytes += bytes.toString('latin1');
      this.#shown = '';
      this.#wake();
    });
    this.socket.on('end', () => {
      this.ending ??= 'fin';
      this.#wake();
    });
    this.socket.on('error', () => {
      this.ending = 'reset';
      this.#wake();
    });
    this.socket.on('close', () => this.#wake());
  }

  /** What came, without the `Date` lines that the edge adds: they would differ from run to run. */
  get received(): string {
    if (this.#shown === '')
      this.#shown = this.#bytes.replace(DATE_LINE, (line, date) => (isOfNow(date) ? '' : line));
    return this.#shown;
  }

  set received(text: string) {
    this.#bytes = text;
    this.#shown = '';
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits until `isEnough` of what came; fails the test by its own time limit otherwise. */
  async until(isEnough: (received: string) => boolean): Promise<string> {
    while (!isEnough(this.received)) {
      if (this.ending !== null)
        throw new Error(`the connection ended (${this.ending}) after: ${this.received}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.received;
  }

  untilContains(text: string): Promise<string> {
    return this.until((received) => received.includes(text));
  }

  async untilEnd(): Promise<string> {
    while (this.ending === null) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.received;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** Resolves once `condition` holds: looked at after every turn of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Answers every request that ends with an empty line; remembers what it saw. */
export function answering(answer: string, seen: string[] = []): (socket: Socket) => void {
  return (socket) => {
    let input = '';
    socket.on('data', (bytes: Buffer) => {
      input += bytes.toString('latin1');
      for (let end = input.indexOf('\r\n\r\n'); end >= 0; end = input.indexOf('\r\n\r\n')) {
        seen.push(input.slice(0, end + 4));
        input = input.slice(end + 4);
        socket.write(answer, 'latin1');
      }
    });
    socket.on('end', () => socket.end());
  };
}
