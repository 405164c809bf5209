/** Node's own HTTP client as apps use it: agents, streams, interim answers, trailers, upgrades refused and aborted. */
import { createHash, randomBytes } from 'node:crypto';
import {
  Agent,
  type ClientRequest,
  get,
  type IncomingMessage,
  type RequestOptions,
  request,
} from 'node:http';
import { runNamedCase } from './client-program.ts';

const MEBIBYTE = 1024 * 1024;

runNamedCase({
  async 'upload by length'(address) {
    const body = randomBytes(20 * MEBIBYTE);
    const { text } = await send(
      address,
      '/digest',
      { method: 'POST', headers: { 'Content-Length': body.length } },
      body,
    );
    return compare(body, text);
  },

  async 'upload in chunks with trailers'(address) {
    const body = randomBytes(20 * MEBIBYTE);
    const outgoing = request(`${address}/digest`, { method: 'PUT', headers: { Trailer: 'X-Sum' } });
    const answer = answerOf(outgoing);
    for (let at = 0; at < body.length; at += 777_777) outgoing.write(body.subarray(at, at + 777_777));
    outgoing.addTrailers({ 'X-Sum': 'of everything' });
    outgoing.end();
    return compare(body, (await answer).text);
  },

  async 'echo while uploading'(address) {
    const body = randomBytes(20 * MEBIBYTE);
    const { bytes } = await send(address, '/echo', { method: 'POST' }, body);
    return { isSame: bytes.equals(body) };
  },

  async ranges(address) {
    const path = `/file?bytes=${5 * MEBIBYTE}`;
    const whole = await send(address, path);
    const ask = async (range: string, more: Record<string, string> = {}): Promise<unknown> => {
      const { status, fields, bytes } = await send(address, path, { headers: { Range: range, ...more } });
      const [, from = '0', to = '-1'] = /bytes (\d+)-(\d+)/.exec(fields['content-range'] ?? '') ?? [];
      const wanted = status === 200 ? whole.bytes : whole.bytes.subarray(Number(from), Number(to) + 1);
      return [status, fields['content-range'] ?? '', bytes.length, bytes.equals(wanted)];
    };
    return [
      await ask('bytes=0-99'),
      await ask('bytes=1000000-'),
      await ask('bytes=-7'),
      await ask('bytes=9999999-'),
      await ask('bytes=0-9', { 'If-Range': '"another"' }),
      await ask('bytes=0-9', { 'If-Range': whole.fields['etag'] ?? '' }),
    ];
  },

  async compressed(address) {
    const codings = ['gzip', 'deflate', 'br', 'gzip&length', 'br&length'];
    const answers = codings.map(async (coding) => {
      const { fields, bytes } = await send(address, `/compressed?coding=${coding}`);
      return [
        fields['content-encoding'],
        fields['content-length'] === String(bytes.length),
        bytes.length > 0,
      ];
    });
    return Promise.all(answers);
  },

  async 'head and empty answers'(address) {
    const head = await send(address, '/file?bytes=12345', { method: 'HEAD' });
    const none = await send(address, '/status?code=204');
    const same = await send(address, '/status?code=304', { headers: { 'If-None-Match': '"same"' } });
    return [head, none, same].map(({ status, fields, bytes }) => [
      status,
      fields['content-length'],
      bytes.length,
    ]);
  },

  async 'interim answers'(address) {
    const outgoing = get(`${address}/hints`);
    const interim: unknown[] = [];
    outgoing.on('information', ({ statusCode, headers }) => interim.push([statusCode, headers['link']]));
    const { status, text } = await answerOf(outgoing);
    return { interim, status, text };
  },

  async 'expect continue'(address) {
    const headers = { Expect: '100-continue', 'Content-Length': 10 };
    const outgoing = request(`${address}/digest`, { method: 'POST', headers });
    const answer = answerOf(outgoing);
    const order: string[] = [];
    outgoing.on('continue', () => {
      order.push('continue');
      outgoing.end('0123456789');
    });
    outgoing.flushHeaders();
    const { status, text } = await answer;
    return { order, status, bytes: JSON.parse(text).bytes };
  },

  async 'expect refused'(address) {
    const headers = { Expect: '100-continue', 'Content-Length': 10 };
    const outgoing = request(`${address}/refuse-continue`, { method: 'POST', headers });
    const answer = answerOf(outgoing);
    outgoing.flushHeaders();
    const { status } = await answer;
    outgoing.destroy();
    return { status };
  },

  async trailers(address) {
    const asked = await send(address, '/trailers', { headers: { TE: 'trailers' } });
    const unasked = await send(address, '/trailers');
    return [asked, unasked].map(({ text, answer }) => [text, answer.rawTrailers]);
  },

  async 'answer until close'(address) {
    const { text } = await send(address, '/until-close');
    const lines = text.trimEnd().split('\n');
    return [lines.length, lines.at(-1)];
  },

  async 'keep-alive'(address) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let round = 0; round < 50; round++) {
      const outgoing = request(`${address}/digest`, { agent, method: round % 2 ? 'POST' : 'GET' });
      outgoing.on('socket', (socket) =>
        socket.connecting
          ? socket.once('connect', () => ports.add(socket.localPort))
          : ports.add(socket.localPort),
      );
      outgoing.end(round % 2 ? 'body' : undefined);
      await answerOf(outgoing);
    }
    agent.destroy();
    return { connections: ports.size };
  },

  async 'early refusal'(address) {
    const outgoing = request(`${address}/refuse`, {
      method: 'POST',
      headers: { 'Content-Length': 8 * MEBIBYTE },
    });
    const answer = answerOf(outgoing);
    outgoing.write(Buffer.alloc(MEBIBYTE));
    const { status, text } = await answer;
    outgoing.destroy();
    return { status, text };
  },

  async 'aborted upload'(address) {
    const outgoing = request(`${address}/digest?id=upload`, {
      method: 'POST',
      headers: { 'Content-Length': 1e9 },
    });
    const failure = answerOf(outgoing).catch((error: NodeJS.ErrnoException) => error.code);
    await new Promise<void>((resolve) => outgoing.write(Buffer.alloc(4 * MEBIBYTE), () => resolve()));
    outgoing.destroy();
    return { failure: await failure, fate: (await send(address, '/fate?id=upload')).text };
  },

  async 'aborted download'(address) {
    const incoming = await new Promise<IncomingMessage>((resolve) =>
      get(`${address}/endless?id=download`, resolve),
    );
    let bytes = 0;
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > 4 * MEBIBYTE) break;
    }
    incoming.destroy();
    return { fate: (await send(address, '/fate?id=download')).text };
  },

  async 'server-sent events'(address) {
    const incoming = await new Promise<IncomingMessage>((resolve) =>
      get(`${address}/events?channel=node`, resolve),
    );
    const seen: string[] = [];
    incoming.setEncoding('utf8');
    for await (const piece of incoming as AsyncIterable<string>) {
      seen.push(...piece.split('\n').filter((line) => line.startsWith('data')));
      if (seen.length <= 3)
        await send(address, `/publish?channel=node&text=${seen.length > 2 ? 'end' : seen.length}`);
    }
    return seen;
  },

  async 'long polling'(address) {
    const polls = [1, 2, 3].map((n) => send(address, `/poll?channel=node-${n}`));
    for (const n of [3, 1, 2]) await send(address, `/publish?channel=node-${n}&text=word-${n}`);
    return (await Promise.all(polls)).map(({ text }) => text);
  },

  async 'fields as they are'(address) {
    const headers = [
      'X-Twice',
      'one',
      'x-TWICE',
      'two',
      'X-Empty',
      '',
      'Connection',
      'X-Mine',
      'X-Mine',
      'private',
    ];
    const { text, fields } = await send(address, '/seen?a=%20b&c', {
      headers: ['Host', '127.0.0.1', ...headers],
    });
    return { ...JSON.parse(text), cookies: fields['set-cookie'] };
  },
});

interface Answer {
  readonly answer: IncomingMessage;
  readonly status: number;
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
}

function send(
  address: string,
  path: string,
  options: Omit<RequestOptions, 'headers'> & { headers?: Record<string, string | number> | string[] } = {},
  body?: Buffer,
): Promise<Answer> {
  const outgoing = request(`${address}${path}`, options as RequestOptions);
  const answer = answerOf(outgoing);
  outgoing.end(body);
  return answer;
}

function answerOf(outgoing: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', async (answer) => {
      try {
        const pieces: Buffer[] = [];
        for await (const piece of answer) pieces.push(piece as Buffer);
        const bytes = Buffer.concat(pieces);
        const fields = answer.headers as Record<string, string>;
        resolve({ answer, status: answer.statusCode ?? 0, fields, bytes, text: bytes.toString() });
      } catch (error) {
        reject(error);
      }
    });
  });
}

function compare(body: Buffer, text: string): unknown {
  const { sha256, ...rest } = JSON.parse(text);
  return { ...rest, isSame: sha256 === createHash('sha256').update(body).digest('hex') };
}
