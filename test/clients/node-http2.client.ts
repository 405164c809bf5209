/** Node's own HTTP/2 client, one connection for each case. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { Readable } from 'node:stream';
import { runNamedCase } from './client-program.ts';

const MEBIBYTE = 1024 * 1024;

function withSession<T>(act: (session: ClientHttp2Session) => Promise<T>): (address: string) => Promise<T> {
  return async (address) => {
    const session = connect(address, { rejectUnauthorized: false });
    session.on('error', (error) => {
      throw error;
    });
    try {
      return await act(session);
    } finally {
      session.destroy();
    }
  };
}

async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  const [head] = (await once(stream, 'response')) as [OutgoingHttpHeaders];
  return Number(head[':status']);
}

function post(
  session: ClientHttp2Session,
  path: string,
  fields: OutgoingHttpHeaders = {},
): ClientHttp2Stream {
  return session.request({ ':method': 'POST', ':path': path, ...fields });
}

function* piecesOf(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += 60_001) yield body.subarray(at, at + 60_001);
}

runNamedCase({
  echo: withSession(async (session) => {
    const same = async (): Promise<boolean> => {
      const body = randomBytes(50 * MEBIBYTE);
      const stream = post(session, '/echo');
      const hash = createHash('sha256');
      stream.on('data', (bytes: Buffer) => hash.update(bytes));
      // In pieces: what a session has not sent yet may be 10 MB.
      Readable.from(piecesOf(body)).pipe(stream);
      await once(stream, 'end');
      return hash.digest('hex') === createHash('sha256').update(body).digest('hex');
    };
    return Promise.all([same(), same()]);
  }),

  trailers: withSession(async (session) => {
    const stream = session.request(
      { ':method': 'POST', ':path': '/trailers', te: 'trailers' },
      { waitForTrailers: true },
    );
    let trailers: unknown = null;
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'sent' }));
    stream.on('trailers', (came) => {
      trailers = { ...came };
    });
    stream.end('body');
    const status = await statusOf(stream);
    let text = '';
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    await once(stream, 'end');
    return { status, text, trailers };
  }),

  aborts: withSession(async (session) => {
    for (let round = 0; round < 3; round++) {
      const streams = Array.from({ length: 100 }, () => session.request({ ':path': '/endless' }));
      await Promise.all(streams.map(statusOf));
      for (const stream of streams) stream.close(8);
      await Promise.all(streams.map((stream) => once(stream, 'close')));
    }
    return { status: await statusOf(session.request({ ':path': '/' }).resume()) };
  }),

  stalls: withSession(async (session) => {
    const stalled = session.request({ ':path': `/file?bytes=${20 * MEBIBYTE}` });
    await statusOf(stalled);
    stalled.pause();
    const other = session.request({ ':path': '/' }).resume();
    const status = await statusOf(other);
    let bytes = 0;
    stalled.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    await once(stalled.resume(), 'end');
    return { other: status, bytes };
  }),
});
