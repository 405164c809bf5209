/** The ws package's client: large fragmented messages, compression, pings, and every way to close. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { runNamedCase } from './client-program.ts';

const MEBIBYTE = 1024 * 1024;

runNamedCase({
  async fragments(address) {
    const socket = await open(address);
    const body = randomBytes(32 * MEBIBYTE);
    const back = nextMessage(socket);
    for (let at = 0; at < body.length; at += 50_001) {
      const isLast = at + 50_001 >= body.length;
      socket.send(body.subarray(at, at + 50_001), { binary: true, fin: isLast });
    }
    return { isSame: (await back).equals(body), closed: await close(socket) };
  },

  async 'one frame'(address) {
    const socket = await open(address);
    const body = randomBytes(32 * MEBIBYTE);
    const back = nextMessage(socket);
    socket.send(body);
    return { isSame: (await back).equals(body), closed: await close(socket) };
  },

  async 'many messages'(address) {
    const socket = await open(address);
    const sent = createHash('sha256');
    const got = createHash('sha256');
    let count = 0;
    const all = new Promise<void>((resolve) =>
      socket.on('message', (data) => {
        got.update(data as Buffer);
        if (++count === 20_000) resolve();
      }),
    );
    for (let n = 0; n < 20_000; n++) {
      const message = `message ${n}`;
      sent.update(message);
      socket.send(message);
    }
    await all;
    return { isSame: sent.digest('hex') === got.digest('hex'), closed: await close(socket) };
  },

  async compressed(address) {
    const socket = await open(address, { perMessageDeflate: { threshold: 0 } });
    const text = 'squeeze '.repeat(200_000);
    const back = nextMessage(socket);
    socket.send(text);
    return {
      extensions: socket.extensions,
      isSame: String(await back) === text,
      closed: await close(socket),
    };
  },

  async 'ping and pong'(address) {
    const socket = await open(address);
    socket.ping('mine');
    const [pong] = await once(socket, 'pong');
    const back = nextMessage(socket);
    socket.send('ping');
    return { pong: String(pong), back: String(await back), closed: await close(socket) };
  },

  async 'close codes'(address) {
    const codes = [1000, 1001, 1011, 3000, 4999];
    const byOrigin = [];
    for (const code of codes) {
      const socket = await open(address);
      const closed = closing(socket);
      socket.send(`close ${code} because of ${code}`);
      byOrigin.push(await closed);
    }
    const silent = await open(address);
    const closed = closing(silent);
    silent.close();
    return { byOrigin, withoutCode: await closed };
  },

  async cut(address) {
    const byOrigin = await open(address);
    const closed = closing(byOrigin);
    byOrigin.send('cut');
    const byClient = await open(address);
    const closedToo = closing(byClient);
    byClient.terminate();
    return { byOrigin: await closed, byClient: await closedToo };
  },

  async refused(address) {
    const socket = new WebSocket(`${address.replace('http', 'ws')}/no-socket`);
    socket.on('error', () => {});
    const [, answer] = await once(socket, 'unexpected-response');
    return answer.statusCode;
  },

  async 'five hundred at once'(address) {
    const sockets = await Promise.all(Array.from({ length: 500 }, () => open(address)));
    const backs = sockets.map((socket, n) => {
      const back = nextMessage(socket);
      socket.send(`socket ${n}`);
      return back;
    });
    const areRight = (await Promise.all(backs)).every((back, n) => String(back) === `socket ${n}`);
    const codes = new Set((await Promise.all(sockets.map(close))).map(([code]) => code));
    return { areRight, codes: [...codes] };
  },
});

async function open(address: string, options: ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/socket`, {
    perMessageDeflate: false,
    ...options,
  });
  await once(socket, 'open');
  return socket;
}

async function nextMessage(socket: WebSocket): Promise<Buffer> {
  const [data] = await once(socket, 'message');
  return data as Buffer;
}

async function closing(socket: WebSocket): Promise<readonly [number, string]> {
  const [code, reason] = await once(socket, 'close');
  return [code as number, String(reason)];
}

function close(socket: WebSocket): Promise<readonly [number, string]> {
  const closed = closing(socket);
  socket.close(4000, 'done');
  return closed;
}
