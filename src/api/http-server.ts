/**
 * Sockets to `Request` and `Response`. Over node:http, because the request target must be seen as it was sent:
 * Bun.serve resolves `%2e%2e` and `\` first, and a path trick would reach a route. Owns the listening socket.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import type { Endpoint } from './trust/socket-table.ts';

export interface Exchange {
  readonly peer: Endpoint | null;
  readonly own: Endpoint;
  /** The same for all requests of one connection, and for no other. */
  readonly connection: object;
  /** As the client wrote it. */
  readonly target: string;
  readonly method: string;
  readonly headers: Headers;
  /** The request, made only when the target was found to be harmless. */
  toRequest(): Request;
}

export type OnExchange = (exchange: Exchange) => Promise<Response>;

/** On every answer: nothing of the API belongs in a cache, a frame or another page. */
const STANDARD_HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

export class HttpServer {
  readonly #server: Server;
  readonly #onExchange: OnExchange;
  /** Answers under way; `stop` waits for them, until `abort`. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #aborted = Promise.withResolvers<void>();
  #isAborted = false;

  constructor(onExchange: OnExchange) {
    this.#onExchange = onExchange;
    this.#server = createServer((incoming, outgoing) => {
      const served = this.#serve(incoming, outgoing);
      this.#underWay.add(served);
      void served.finally(() => this.#underWay.delete(served));
    });
    // A wake or a quiet log may take longer than any timeout that suits all; who may connect at all is trusted.
    this.#server.requestTimeout = 0;
    this.#server.timeout = 0;
  }

  listen(hostname: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, hostname, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** No new connection; resolves when every answer under way is sent. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    while (this.#underWay.size > 0 && !this.#isAborted) {
      await Promise.race([Promise.allSettled(this.#underWay), this.#aborted.promise]);
    }
    this.#server.closeAllConnections();
    await closed;
  }

  /** Breaks off what is still under way, and `stop` comes to its end: not every call hears that its client is gone. */
  abort(): void {
    this.#isAborted = true;
    this.#aborted.resolve();
    this.#server.closeAllConnections();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.once('close', () => gone.abort());
    const response = await this.#onExchange(toExchange(incoming, gone.signal));
    if (gone.signal.aborted) await response.body?.cancel();
    else await send(response, incoming, outgoing, gone.signal);
  }
}

function toExchange(incoming: IncomingMessage, signal: AbortSignal): Exchange {
  const { socket, url = '', method = 'GET' } = incoming;
  const { remoteAddress, remotePort, localAddress = '', localPort = 0 } = socket;
  const headers = toHeaders(incoming);
  return {
    peer: remoteAddress && remotePort ? { address: remoteAddress, port: remotePort } : null,
    own: { address: localAddress, port: localPort },
    connection: socket,
    target: url,
    method,
    headers,
    toRequest: () => {
      const hasBody = method !== 'GET' && method !== 'HEAD';
      const body = hasBody ? (Readable.toWeb(incoming) as NodeReadableStream<Uint8Array>) : null;
      const init = { method, headers, signal, body, duplex: 'half' };
      return new Request(
        `http://${headers.get('Host') ?? 'localhost'}${url}`,
        init as unknown as RequestInit,
      );
    },
  };
}

function toHeaders({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  // Repeated ones are joined: a second Host or Content-Type makes a value that matches nothing.
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  }
  return headers;
}

async function send(
  response: Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const headers: Record<string, string> = { ...STANDARD_HEADERS };
  response.headers.forEach((value, name) => {
    headers[name] = value;
  });
  // What was not read of the body would be taken for the next request.
  if (!incoming.complete) headers['Connection'] = 'close';
  if (response.body && headers['content-type']?.startsWith('text/')) {
    // Lines of a log wait for no acknowledgement of the lines before them.
    incoming.socket.setNoDelay(true);
    outgoing.writeHead(response.status, headers).flushHeaders();
    await pump(response.body, outgoing, gone);
  } else {
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > 0) headers['Content-Length'] = String(bytes.length);
    outgoing.writeHead(response.status, headers).end(bytes);
  }
}

async function pump(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel();
  gone.addEventListener('abort', cancel, { once: true });
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (!outgoing.write(part.value)) await drained(outgoing, gone);
    }
    outgoing.end();
  } catch {
    // The source broke off: without a proper end the client cannot take the answer for whole.
    // Bun writes at the end of the turn: destroying in this one would take back what was written before.
    await new Promise((resolve) => setImmediate(resolve));
    outgoing.destroy();
  } finally {
    gone.removeEventListener('abort', cancel);
  }
}

function drained(outgoing: ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) return resolve();
    outgoing.once('drain', resolve);
    gone.addEventListener('abort', () => resolve(), { once: true });
  });
}
