/** One GET to a target that speaks HTTP/2 without TLS, and its status. It owns one connection, and ends it. */
import type { ClientHttp2Session } from 'node:http2';

export interface Http2Check {
  /** `ip:port`. */
  readonly address: string;
  readonly path: string;
  readonly authority: string;
  readonly userAgent: string;
}

/** Rejects with what was met instead of an answer, or with the signal's reason. */
export async function statusOverHttp2(check: Http2Check, ends: AbortSignal): Promise<number> {
  // Loaded only where a service has such targets.
  const { connect } = await import('node:http2');
  ends.throwIfAborted();
  const session = connect(`http://${check.address}`);
  const onAbort = (): void => session.destroy();
  ends.addEventListener('abort', onAbort, { once: true });
  try {
    return await ask(session, check);
  } catch (error) {
    throw ends.aborted ? ends.reason : error;
  } finally {
    ends.removeEventListener('abort', onAbort);
    session.destroy();
  }
}

function ask(session: ClientHttp2Session, { path, authority, userAgent }: Http2Check): Promise<number> {
  return new Promise((resolve, reject) => {
    const isOver = (): void => reject(new Error('the connection was closed without an answer of HTTP/2'));
    session.on('error', reject);
    session.on('close', isOver);
    const stream = session.request({
      ':method': 'GET',
      ':path': path,
      ':authority': authority,
      'user-agent': userAgent,
    });
    stream.on('error', reject);
    stream.on('close', isOver);
    stream.on('response', (head) => resolve(Number(head[':status'])));
    stream.end();
  });
}
