/** An edge that also listens for TLS, with certificates in a temporary folder, and clients of node:tls. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { makeCertificate, type TestCertificate, writeCertificate } from '../../base/certificate.fixture.ts';
import type { Clock } from '../../base/clock.ts';
import type { EdgeCertificate, EdgeLimits, EdgeSettings } from '../index.ts';
import { EdgeFixture } from './edge.fixture.ts';

export class TlsFixture extends EdgeFixture {
  readonly tlsPort: number;
  readonly #certificates = mkdtempSync(join(tmpdir(), 'luma-tls-'));
  readonly #sockets: TLSSocket[] = [];

  constructor(limits: Partial<EdgeLimits> = {}, clock?: Clock, settings?: Partial<EdgeSettings>) {
    super(limits, clock, settings);
    this.tlsPort = this.edge.listenTls({ hostname: '127.0.0.1', port: 0 }).port;
  }

  /** Makes one, and shows it from now on. */
  certify(
    id: string,
    names: readonly string[],
    pems: TestCertificate = makeCertificate(names),
  ): EdgeCertificate {
    const certificate = this.certificateOf(id, names, pems);
    this.edge.applyCertificates({ put: [certificate], remove: [] });
    return certificate;
  }

  certificateOf(id: string, names: readonly string[], pems: TestCertificate): EdgeCertificate {
    const file = join(this.#certificates, `${id}.pem`);
    writeCertificate(file, pems);
    return { id, names, file, notBefore: Date.now(), notAfter: Date.now() + 1e9 };
  }

  /** Rejects with the alert where the handshake fails. */
  async connectTls(servername: string | null, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({
      ...(options.socket ? {} : { host: '127.0.0.1', port: this.tlsPort }),
      rejectUnauthorized: false,
      ...(servername === null ? {} : { servername }),
      ...options,
    });
    this.#sockets.push(socket);
    await once(socket, 'secureConnect');
    socket.on('error', () => undefined);
    return socket;
  }

  /** All clients go away at once. */
  cutClients(): void {
    for (const socket of this.#sockets) socket.destroy(new Error('cut by the test'));
  }

  /** After `header` has gone in the clear. */
  async connectTlsAfter(header: string, servername: string): Promise<TLSSocket> {
    const plain = createConnection({ host: '127.0.0.1', port: this.tlsPort });
    plain.on('error', () => undefined);
    plain.write(header);
    return this.connectTls(servername, { socket: plain });
  }

  override close(): void {
    for (const socket of this.#sockets) socket.destroy();
    super.close();
    rmSync(this.#certificates, { recursive: true });
  }
}

/** What the server said until it ended, or until `isEnough`. */
export async function heardFrom(
  socket: TLSSocket,
  isEnough: (text: string) => boolean = () => false,
): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (isEnough(text)) resolve(text);
    });
    socket.on('end', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
}
