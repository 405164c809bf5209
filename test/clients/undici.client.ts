/** undici as apps use it: its Client and Pool with pipelining, its fetch, its WebSocket and EventSource. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { Client, EventSource, FormData, fetch, Pool, request, stream, WebSocket } from 'undici';
import { runNamedCase } from './client-program.ts';

const MEBIBYTE = 1024 * 1024;

runNamedCase({
  async uploads(address) {
    const body = randomBytes(20 * MEBIBYTE);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const pieces = function* (): Generator<Buffer> {
      for (let at = 0; at < body.length; at += 600_001) yield body.subarray(at, at + 600_001);
    };
    const sent = [
      await request(`${address}/digest`, { method: 'POST', body }),
      await request(`${address}/digest`, { method: 'POST', body: Readable.from(pieces()) }),
      await fetch(`${address}/digest`, {
        method: 'PUT',
        body: Readable.from(pieces()),
        duplex: 'half',
      }),
    ];
    const found = [];
    for (const answer of sent) {
      const told = (await ('json' in answer ? answer.json() : answer.body.json())) as Record<string, unknown>;
      found.push([told['framing'], told['bytes'], told['sha256'] === sha256]);
    }
    return found;
  },

  async form(address) {
    const form = new FormData();
    form.set('name', 'value');
    form.set('file', new Blob([randomBytes(MEBIBYTE)]), 'noise.bin');
    const answer = await fetch(`${address}/echo`, { method: 'POST', body: form });
    const back = await answer.formData();
    const file = back.get('file') as unknown as { size: number; name: string };
    return [back.get('name'), file.name, file.size];
  },

  async download(address) {
    const hash = createHash('sha256');
    let etag: unknown;
    await stream(`${address}/file?bytes=${50 * MEBIBYTE}`, { method: 'GET' }, ({ headers }) => {
      etag = headers['etag'];
      return hash as unknown as NodeJS.WritableStream as never;
    });
    const range = await request(`${address}/file?bytes=${50 * MEBIBYTE}`, {
      headers: { range: 'bytes=5-9' },
    });
    const part = await range.body.bytes();
    return { isSame: etag === `"${hash.digest('hex')}"`, range: [range.statusCode, part.length] };
  },

  async compressed(address) {
    const texts = ['gzip', 'deflate', 'br', 'gzip&length'].map(
      async (coding) => (await (await fetch(`${address}/compressed?coding=${coding}`)).text()).length,
    );
    return Promise.all(texts);
  },

  async pipelining(address) {
    const client = new Client(address, { pipelining: 10 });
    let connections = 0;
    client.on('connect', () => connections++);
    const asked = Array.from({ length: 40 }, async (_, n) => {
      const { body } = await client.request({ path: `/seen?n=${n}`, method: 'GET' });
      return ((await body.json()) as { url: string }).url === `/seen?n=${n}`;
    });
    const areRight = (await Promise.all(asked)).every(Boolean);
    await client.close();
    return { connections, areRight };
  },

  async 'pipelined behind a slow one'(address) {
    const client = new Client(address, { pipelining: 3 });
    const order: string[] = [];
    const ask = async (path: string): Promise<void> => {
      const { body } = await client.request({ path, method: 'GET' });
      await body.text();
      order.push(path);
    };
    const all = [ask('/poll?channel=undici-slow'), ask('/seen?second'), ask('/seen?third')];
    await fetch(`${address}/publish?channel=undici-slow&text=now`);
    await Promise.all(all);
    await client.close();
    return order;
  },

  async pool(address) {
    const pool = new Pool(address, { connections: 4 });
    let connections = 0;
    pool.on('connect', () => connections++);
    const asked = Array.from({ length: 200 }, async (_, n) => {
      const { statusCode, body } = await pool.request({ path: '/digest', method: 'POST', body: `body ${n}` });
      await body.dump();
      return statusCode;
    });
    const statuses = new Set(await Promise.all(asked));
    await pool.close();
    return { connections, statuses: [...statuses] };
  },

  async 'expect continue'(address) {
    const client = new Client(address);
    const asked = { path: '/digest', method: 'POST', body: 'expected', expectContinue: true } as const;
    const { statusCode, body } = await client.request(asked);
    const { bytes } = (await body.json()) as { bytes: number };
    await client.close();
    return [statusCode, bytes];
  },

  async 'interim answers and trailers'(address) {
    const interim: number[] = [];
    const hinted = await request(`${address}/hints`, {
      onInfo: ({ statusCode }) => interim.push(statusCode),
    });
    await hinted.body.dump();
    const trailed = await request(`${address}/trailers`, { headers: { te: 'trailers' } });
    const text = await trailed.body.text();
    return { interim, text, trailers: trailed.trailers };
  },

  async 'head and empty answers'(address) {
    const head = await fetch(`${address}/file?bytes=777`, { method: 'HEAD' });
    const statuses = [(await fetch(`${address}/status?code=204`)).status];
    statuses.push((await fetch(`${address}/status?code=304`)).status);
    return [head.headers.get('content-length'), (await head.text()).length, statuses];
  },

  async aborts(address) {
    const upload = new AbortController();
    const body = Readable.from(Array(1_000).fill(Buffer.alloc(MEBIBYTE)));
    const options = { method: 'POST', body, duplex: 'half', signal: upload.signal } as const;
    const echo = await fetch(`${address}/echo?id=undici-upload`, options);
    const reader = echo.body?.getReader();
    await reader?.read();
    upload.abort();
    const failed = await reader?.closed.catch((error: Error) => error.name);
    const download = new AbortController();
    const answer = await fetch(`${address}/endless?id=undici-download`, { signal: download.signal });
    await answer.body?.getReader().read();
    download.abort();
    const fates = ['undici-upload', 'undici-download'].map(async (id) =>
      (await fetch(`${address}/fate?id=${id}`)).text(),
    );
    return [failed, ...(await Promise.all(fates))];
  },

  async 'event source'(address) {
    const source = new EventSource(`${address}/events?channel=undici`);
    const publish = (text: string): Promise<unknown> =>
      fetch(`${address}/publish?channel=undici&text=${text}`);
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      source.onmessage = ({ data }) => {
        seen.push(data);
        if (seen.length === 1) void publish('first');
        else if (seen.length === 2) void publish('end');
        else resolve();
      };
    });
    source.close();
    return seen;
  },

  async websocket(address) {
    const socket = new WebSocket(`${address.replace('http', 'ws')}/socket`, ['one', 'two']);
    socket.binaryType = 'arraybuffer';
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    const body = randomBytes(3 * MEBIBYTE);
    const next = (): Promise<unknown> =>
      new Promise((resolve) =>
        socket.addEventListener('message', ({ data }) => resolve(data), { once: true }),
      );
    const back = next();
    socket.send(body);
    const isSame = Buffer.from((await back) as ArrayBuffer).equals(body);
    const closed = new Promise<unknown[]>((resolve) =>
      socket.addEventListener('close', ({ code, reason, wasClean }) => resolve([code, reason, wasClean])),
    );
    socket.send('close 4321 enough');
    return { protocol: socket.protocol, isSame, closed: await closed };
  },
});
