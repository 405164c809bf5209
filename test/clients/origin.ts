/**
 * What the clients of these tests reach through the edge: an app on Node's `http` and `ws`. It tells what arrived and
 * how, answers in every way HTTP/1.1 has, and remembers how exchanges with an `id` ended. Prints its port; ends with its parent.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type WebSocket, WebSocketServer } from 'ws';

type Answer = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => unknown;

const MEBIBYTE = 1024 * 1024;
const FRAGMENT_BYTES = 16_384;

const answers: Readonly<Record<string, Answer>> = {
  '/digest': digest,
  '/echo': echo,
  '/file': file,
  '/compressed': compressed,
  '/events': events,
  '/poll': (_request, response, query) => subscribe(query, { on: (text) => response.end(text) }),
  '/publish': publish,
  '/endless': endless,
  '/stream': streamNoise,
  '/cut': cut,
  '/fate': (_request, response, query) => fateOf(text(query, 'id')).then((fate) => response.end(fate)),
  '/hints': hints,
  '/trailers': trailers,
  '/until-close': untilClose,
  '/refuse': refuse,
  '/status': (_request, response, query) => {
    response.writeHead(Number(text(query, 'code')), { ETag: '"same"', 'Content-Location': '/status' }).end();
  },
  '/seen': (request, response) => {
    response.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2; Path=/']);
    json(response, { method: request.method, url: request.url, fields: request.rawHeaders });
  },
};

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin');
  const id = searchParams.get('id');
  if (id !== null && pathname !== '/fate') rememberFate(id, request, response);
  const answer = answers[pathname] ?? page;
  Promise.resolve(answer(request, response, searchParams)).catch((error: Error) => response.destroy(error));
});
server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
  if (request.url === '/refuse-continue') {
    response.writeHead(417, { 'Content-Length': 0, Connection: 'close' }).end();
    return;
  }
  response.writeContinue();
  server.emit('request', request, response);
});

const sockets = new WebSocketServer({
  server,
  path: '/socket',
  maxPayload: 256 * 1024 * 1024,
  perMessageDeflate: { threshold: 1024 },
  handleProtocols: (offered) => [...offered].at(-1) ?? false,
});
sockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    if (isBinary) sendInFragments(socket, data as Buffer);
    else obey(socket, String(data));
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') console.log(address.port);
});
process.stdin.on('end', () => process.exit(0)).resume();

async function digest(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  const pause = pauses(query);
  for await (const piece of request as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
    await pause(piece.length);
  }
  const { headers } = request;
  const framing =
    headers['transfer-encoding'] ?? (headers['content-length'] === undefined ? 'none' : 'length');
  json(response, { bytes, sha256: hash.digest('hex'), framing, trailers: request.rawTrailers });
}

function echo(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
  const length = request.headers['content-length'];
  if (length !== undefined) response.setHeader('Content-Length', length);
  response.setHeader('Content-Type', request.headers['content-type'] ?? 'application/octet-stream');
  const pause = pauses(query);
  const slowly = async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      await pause(piece.length);
      yield piece;
    }
  };
  return query.has('pause') ? pipeline(request, slowly, response) : pipeline(request, response);
}

/** With `pause`: waits that many milliseconds after each `every` bytes (a megabyte unless told). */
function pauses(query: URLSearchParams): (bytes: number) => Promise<void> | undefined {
  const pauseMs = Number(query.get('pause') ?? 0);
  const every = Number(query.get('every') ?? MEBIBYTE);
  let since = 0;
  return (bytes) => {
    since += bytes;
    if (pauseMs === 0 || since < every) return undefined;
    since = 0;
    return new Promise((resolve) => setTimeout(resolve, pauseMs));
  };
}

const noise = randomBytes(MEBIBYTE);

/** As many bytes as are taken, from a block of noise; their hash is this `id`'s fate. */
async function streamNoise(
  _request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const size = Number(text(query, 'bytes'));
  const hash = createHash('sha256');
  response.setHeader('Content-Length', size);
  for (let at = 0; at < size && !response.destroyed; at += MEBIBYTE) {
    const piece = noise.subarray(0, Math.min(MEBIBYTE, size - at));
    hash.update(piece);
    if (!response.write(piece)) {
      await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
    }
  }
  response.end();
  fates.set(text(query, 'stream'), hash.digest('hex'));
}

/** Begins to answer and resets. */
function cut(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Length': MEBIBYTE });
  response.write('some', () => request.socket.resetAndDestroy());
}

const files = new Map<number, Buffer>();

/** The same noise for the same size; RFC 9110 §14 with one range. */
function file(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  const size = Number(text(query, 'bytes'));
  const content = files.get(size) ?? randomBytes(size);
  files.set(size, content);
  const etag = `"${createHash('sha256').update(content).digest('hex')}"`;
  response.setHeader('Accept-Ranges', 'bytes').setHeader('ETag', etag);
  const validator = request.headers['if-range'];
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  if (range === null || (validator !== undefined && validator !== etag)) {
    response.writeHead(200, { 'Content-Length': size }).end(request.method === 'HEAD' ? undefined : content);
    return;
  }
  const [from, to] = range[1]
    ? [Number(range[1]), Number(range[2] || size - 1)]
    : [size - Number(range[2]), size - 1];
  if (from >= size) {
    response.writeHead(416, { 'Content-Range': `bytes */${size}`, 'Content-Length': 0 }).end();
    return;
  }
  const part = content.subarray(from, to + 1);
  response.writeHead(206, { 'Content-Range': `bytes ${from}-${to}/${size}`, 'Content-Length': part.length });
  response.end(part);
}

const coders = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync } as const;

function compressed(_request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  const coding = text(query, 'coding') as keyof typeof coders;
  const body = coders[coding]('compressed by the origin\n'.repeat(20_000));
  response.setHeader('Content-Encoding', coding).setHeader('Vary', 'Accept-Encoding');
  // Half of these answers say their length, the others come in chunks.
  if (query.has('length')) response.setHeader('Content-Length', body.length);
  for (let at = 0; at < body.length; at += 100) response.write(body.subarray(at, at + 100));
  response.end();
}

/** Server-sent events: says hello, then whatever is published; `end` ends the stream. */
function events(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(`retry: 5\nid: 0\ndata: hello after ${request.headers['last-event-id'] ?? 'nothing'}\n\n`);
  let count = 0;
  const listen = (): void =>
    subscribe(query, {
      on: (published) => {
        if (published === 'end') {
          response.end();
          return;
        }
        count++;
        response.write(`id: ${count}\ndata: ${published}\n\n`);
        listen();
      },
    });
  listen();
}

interface Subscriber {
  readonly on: (text: string) => void;
}
const subscribers = new Map<string, Subscriber>();
const publishers = new Map<string, (subscriber: Subscriber) => void>();

function subscribe(query: URLSearchParams, subscriber: Subscriber): void {
  const channel = text(query, 'channel');
  const publisher = publishers.get(channel);
  publishers.delete(channel);
  if (publisher) publisher(subscriber);
  else subscribers.set(channel, subscriber);
}

/** Answers when somebody has got it: nobody needs to guess when the listener is there. */
async function publish(
  _request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const channel = text(query, 'channel');
  const there = subscribers.get(channel);
  subscribers.delete(channel);
  const subscriber = there ?? (await new Promise<Subscriber>((resolve) => publishers.set(channel, resolve)));
  subscriber.on(text(query, 'text'));
  response.end('published');
}

async function endless(_request: IncomingMessage, response: ServerResponse): Promise<void> {
  const piece = Buffer.alloc(65_536, 'x');
  while (!response.destroyed) {
    const isFull = !response.write(piece);
    if (isFull) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
}

const fates = new Map<string, string>();
const curious = new Map<string, (fate: string) => void>();

/** `complete`, or which half was cut off. */
function rememberFate(id: string, request: IncomingMessage, response: ServerResponse): void {
  response.once('close', () => {
    const fate = response.writableFinished ? 'complete' : request.complete ? 'answer cut' : 'request cut';
    fates.set(id, fate);
    curious.get(id)?.(fate);
  });
}

async function fateOf(id: string): Promise<string> {
  return fates.get(id) ?? (await new Promise<string>((resolve) => curious.set(id, resolve)));
}

function hints(_request: IncomingMessage, response: ServerResponse): void {
  response.writeProcessing();
  response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('after hints');
  });
}

function trailers(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { Trailer: 'X-Checksum', 'Content-Type': 'text/plain' });
  response.write('before trailers');
  response.addTrailers({ 'X-Checksum': 'abc123' });
  response.end();
}

/** Neither a length nor chunks: the end of the connection ends it. */
function untilClose(_request: IncomingMessage, response: ServerResponse): void {
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  for (let n = 0; n < 1000; n++) response.write(`line ${n}\n`);
  response.end();
}

/** Answers before the body has come, and does not want the rest. */
function refuse(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(413, { 'Content-Type': 'text/plain', Connection: 'close' }).end('too much');
}

function page(_request: IncomingMessage, response: ServerResponse): void {
  response
    .writeHead(200, { 'Content-Type': 'text/html' })
    .end('<!doctype html><title>origin</title><h1>origin</h1>');
}

function json(response: ServerResponse, body: unknown): void {
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
}

/** Commands of a WebSocket: `close CODE REASON`, `cut`, `ping`; everything else comes back. */
function obey(socket: WebSocket, message: string): void {
  const [verb, code, ...reason] = message.split(' ');
  if (verb === 'close') socket.close(Number(code), reason.join(' '));
  else if (verb === 'cut') socket.terminate();
  else if (verb === 'ping') {
    socket.once('pong', (data) => socket.send(`pong ${data}`));
    socket.ping('are you there');
  } else socket.send(message);
}

function sendInFragments(socket: WebSocket, data: Buffer): void {
  for (let at = 0; at < data.length || at === 0; at += FRAGMENT_BYTES) {
    socket.send(data.subarray(at, at + FRAGMENT_BYTES), {
      binary: true,
      fin: at + FRAGMENT_BYTES >= data.length,
    });
  }
}

function text(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) throw new Error(`no ${name}`);
  return value;
}
