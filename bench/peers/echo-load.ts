/**
 * WebSocket messages there and back, one at a time per connection: bun bench/peers/echo-load.ts PORT CONNECTIONS SECONDS.
 * Prints `{count, p50Ms, p99Ms}`. The frames are made once: what is measured is the way, not the client.
 */
import type { Socket } from 'bun';
import { summarise } from '../statistics.ts';

const [port = 0, connections = 0, seconds = 0] = process.argv.slice(2).map(Number);
const PAYLOAD_BYTES = 26;
const REQUEST =
  'GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
/** A final, masked binary frame with a mask of zeros. */
const FRAME = Buffer.concat([
  Buffer.from([0x82, 0x80 | PAYLOAD_BYTES, 0, 0, 0, 0]),
  Buffer.alloc(PAYLOAD_BYTES, 120),
]);

interface Talk {
  isUpgraded: boolean;
  receivedBytes: number;
  sentAtMs: number;
}

const latenciesMs: number[] = [];
let isOver = false;

function say(socket: Socket<Talk>): void {
  socket.data.receivedBytes = 0;
  socket.data.sentAtMs = performance.now();
  socket.write(FRAME);
}

const sockets = await Promise.all(
  Array.from({ length: connections }, () =>
    Bun.connect<Talk>({
      hostname: '127.0.0.1',
      port,
      data: { isUpgraded: false, receivedBytes: 0, sentAtMs: 0 },
      socket: {
        open: (socket) => void socket.write(REQUEST),
        data(socket, bytes) {
          const talk = socket.data;
          if (!talk.isUpgraded) {
            if (!bytes.includes('\r\n\r\n')) return;
            if (!bytes.includes(' 101 ')) throw new Error(bytes.toString('latin1'));
            talk.isUpgraded = true;
            say(socket);
            return;
          }
          talk.receivedBytes += bytes.length;
          if (talk.receivedBytes < FRAME.length || isOver) return;
          latenciesMs.push(performance.now() - talk.sentAtMs);
          say(socket);
        },
      },
    }),
  ),
);
await Bun.sleep(seconds * 1_000);
isOver = true;
const { p50, p99 } = summarise(latenciesMs);
console.log(JSON.stringify({ count: latenciesMs.length, p50Ms: p50, p99Ms: p99 }));
for (const socket of sockets) socket.terminate();
process.exit(0);
