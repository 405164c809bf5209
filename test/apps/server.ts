/**
 * The app that end-to-end tests run: says who it is, and holds exchanges open in every way a real app does.
 * Knobs by environment: BOOT_MS delays listening, IGNORE_TERM=1 stays deaf to SIGTERM, EXIT_CODE=n ends at once.
 */
const env = Bun.env;
const startedAt = Date.now();
/** What `/ready` says before is 503. */
let readyAt = 0;

if (env['EXIT_CODE']) {
  console.error(`leaving at once with ${env['EXIT_CODE']}`);
  process.exit(Number(env['EXIT_CODE']));
}
if (env['BOOT_MS']) await Bun.sleep(Number(env['BOOT_MS']));

/** A body that sends `chunk` every `everyMs` until `forMs` have passed. */
function drip(chunk: (n: number) => string, everyMs: number, forMs: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval>;
  let n = 0;
  const until = Date.now() + forMs;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => {
        if (Date.now() >= until) {
          clearInterval(timer);
          controller.close();
        } else controller.enqueue(encoder.encode(chunk(n++)));
      }, everyMs);
    },
    cancel: () => clearInterval(timer),
  });
}

/** Reads a body as it comes, and says what it was. */
async function hashOf({ body }: Request): Promise<{ sha256: string; bytes: number }> {
  const hash = new Bun.CryptoHasher('sha256');
  let bytes = 0;
  for await (const chunk of body ?? []) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

const server = Bun.serve({
  hostname: '0.0.0.0',
  port: Number(env['PORT'] ?? 8080),
  idleTimeout: 0,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  async fetch(request, self) {
    const url = new URL(request.url);
    const number = (name: string, otherwise: number): number =>
      Number(url.searchParams.get(name) ?? otherwise);
    switch (url.pathname) {
      case '/slow':
        await Bun.sleep(number('ms', 1000));
        return new Response('slow\n');
      case '/echo':
        return new Response(await request.arrayBuffer());
      case '/hash':
        return Response.json(await hashOf(request));
      case '/headers':
        return Response.json(Object.fromEntries(request.headers));
      case '/env':
        return Response.json(env);
      case '/big':
        return new Response(Buffer.alloc(number('kb', 1024) * 1024, 120));
      case '/download':
        return new Response(drip((n) => `${n}\n`, 100, number('ms', 1000)));
      case '/sse':
        return new Response(
          drip((n) => `data: ${n}\n\n`, number('every', 200), number('ms', 1000)),
          {
            headers: { 'content-type': 'text/event-stream' },
          },
        );
      case '/ws':
        return self.upgrade(request) ? undefined : new Response('not a WebSocket\n', { status: 400 });
      case '/exit':
        setTimeout(() => process.exit(number('code', 1)), 5);
        return new Response('bye\n');
      case '/hang':
        // Nothing more is answered, no signal handled: only a kill ends it.
        setTimeout(() => {
          for (;;);
        }, 5);
        return new Response('goodbye\n');
      case '/unready':
        readyAt = Date.now() + number('ms', 1_000);
        return new Response('not for now\n');
      case '/ready':
        return new Response(null, { status: Date.now() < readyAt ? 503 : 204 });
      case '/status':
        return new Response('as asked\n', { status: number('code', 200) });
      default:
        return new Response(`pid ${process.pid} up ${Date.now() - startedAt} ms\n`, {
          // Tells one start of the app from the next, also where every start has pid 1.
          headers: { 'x-app-start': `${process.pid}-${startedAt}` },
        });
    }
  },
  websocket: {
    idleTimeout: 0,
    message: (socket, message) => void socket.send(message),
  },
});

console.log(`listening on ${server.port}`);
process.on('SIGTERM', () => {
  if (env['IGNORE_TERM']) return;
  console.log('got SIGTERM');
  process.exit(0);
});

export {};
