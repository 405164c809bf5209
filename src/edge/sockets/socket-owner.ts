/** What a socket asks of the connection object above it, and what it needs to become a TLS server. No state. */
import type { SecureContext } from 'node:tls';

/** What a connection object must be able to hear. Methods of one object: no closures per connection. */
export interface SocketOwner {
  onOpen(): void;
  /** `bytes` belongs to the receiver. */
  onData(bytes: Buffer): void;
  /** The peer reads too slowly: stop producing until `onWritable`. */
  onClogged(): void;
  onWritable(): void;
  /** The peer will send nothing more (FIN); writing still works. */
  onPeerEnd(): void;
  /** Exactly once, last; also when a connect fails. `reason` is null after an orderly end. */
  onClosed(reason: string | null): void;
  /** A bug threw inside a handler; the socket has been destroyed. */
  onBug(error: unknown): void;
}

/** What a connection needs to go on as a TLS server. */
export interface ServerTls {
  readonly context: SecureContext;
  /** ALPN (RFC 7301): the one protocol that was chosen; null: the client asked for none. */
  readonly protocol: string | null;
  /** What has come already, from the ClientHello on. */
  readonly received: Buffer;
  /** Once, unless the connection is closed before: whether the handshake succeeded. */
  onHandshake(isDone: boolean): void;
}
