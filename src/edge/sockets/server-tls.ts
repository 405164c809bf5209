/** Bun's native way to go on as a TLS server on an accepted socket. Knows what Bun's types do not; owns nothing. */
import type { Socket, SocketHandler } from 'bun';
import type { ServerTls } from './socket-owner.ts';

/** What Bun's `upgradeTLS` takes as node:tls of the same Bun calls it. */
interface TlsUpgrade<Data> {
  readonly isServer: true;
  readonly allowHalfOpen: true;
  readonly data: Data;
  readonly socket: SocketHandler<Data, 'buffer'>;
  readonly initialData: Buffer;
  readonly tls: { readonly secureContext: unknown; readonly ALPNProtocols?: Buffer };
}

interface Upgradable<Data> {
  upgradeTLS(options: TlsUpgrade<Data>): [raw: Socket<Data>, secured: Socket<Data>];
}

/** The raw socket, of which Bun goes on telling, gets `nobody`; the one returned gets the data it had. */
export function secured<Data>(
  socket: Socket<Data>,
  handlers: SocketHandler<Data, 'buffer'>,
  { context, protocol, received }: ServerTls,
  nobody: Data,
): Socket<Data> {
  const tls = {
    secureContext: context.context,
    ...(protocol && { ALPNProtocols: protocolList(protocol) }),
  };
  const upgradable = socket as unknown as Upgradable<Data>;
  const options = { isServer: true, allowHalfOpen: true, data: socket.data, socket: handlers } as const;
  const [raw, secure] = upgradable.upgradeTLS({ ...options, initialData: received, tls });
  raw.data = nobody;
  return secure;
}

/** As ALPN writes them: each with its length before it. */
function protocolList(protocol: string): Buffer {
  return Buffer.from(`${String.fromCharCode(protocol.length)}${protocol}`, 'latin1');
}
