/** `GET /metrics` on a loopback port, for a Prometheus on this machine. Owns its listening socket; answers nothing else. */
import type { Server } from 'bun';
import { LumaError, messageOf } from '../../base/errors.ts';
import { EXPOSITION_TYPE } from '../../telemetry/index.ts';

const LOOPBACK = '127.0.0.1';
/** A web page that makes its own name mean 127.0.0.1 must not read it. */
const HOSTS = new Set(['127.0.0.1', 'localhost']);

export class MetricsServer {
  readonly #server: Server<undefined>;

  /** Throws `metrics_port_unusable`. */
  constructor(port: number, text: () => string) {
    try {
      this.#server = Bun.serve({
        hostname: LOOPBACK,
        port,
        fetch: (request) => answer(request, text),
      });
    } catch (cause) {
      const isTaken = (cause as { code?: unknown }).code === 'EADDRINUSE';
      throw new LumaError(
        'metrics_port_unusable',
        isTaken
          ? `port ${port} on ${LOOPBACK} is held by another process`
          : `cannot listen on ${LOOPBACK}:${port}: ${messageOf(cause)}`,
        {
          hint: isTaken
            ? `stop that process (find it with: ss -ltnp 'sport = :${port}'), or choose another --metrics-port`
            : 'choose another --metrics-port',
          cause,
        },
      );
    }
  }

  get address(): { readonly hostname: string; readonly port: number } {
    return { hostname: LOOPBACK, port: this.#server.port ?? 0 };
  }

  async close(): Promise<void> {
    await this.#server.stop(true);
  }
}

function answer(request: Request, text: () => string): Response {
  const { pathname, hostname } = new URL(request.url);
  if (!HOSTS.has(hostname)) return new Response('ask by 127.0.0.1 or localhost\n', { status: 421 });
  if (pathname !== '/metrics') return new Response('there is only /metrics\n', { status: 404 });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return new Response('GET only\n', { status: 405, headers: { Allow: 'GET, HEAD' } });
  }
  return new Response(text(), { headers: { 'Content-Type': EXPOSITION_TYPE, 'Cache-Control': 'no-store' } });
}
