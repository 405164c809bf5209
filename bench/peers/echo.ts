/** A target that upgrades anything and then sends back what it hears: bun bench/peers/echo.ts PORT. */
import type { Socket } from 'bun';

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

interface Peer {
  isUpgraded: boolean;
}

Bun.listen<Peer>({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  socket: {
    open(socket: Socket<Peer>) {
      socket.data = { isUpgraded: false };
    },
    data(socket, bytes) {
      if (socket.data.isUpgraded) socket.write(bytes);
      else if (bytes.includes('\r\n\r\n')) {
        socket.data.isUpgraded = true;
        socket.write(SWITCH);
      }
    },
  },
});
