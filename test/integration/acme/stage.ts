/** A luma-proxy with a CA of its own, an app behind it, and eyes on what clients are shown: for tests of certificates. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { systemClock } from '../../../src/base/clock.ts';
import type { AcmeClient } from '../../../src/proxy/acme/acme-client.ts';
import { createAcmeClient } from '../../../src/proxy/acme/acme-client.ts';
import { AcmeTransport } from '../../../src/proxy/acme/acme-transport.ts';
import type { CertificateStatus, Deployed, DeployRequest } from '../../../src/proxy/client/index.ts';
import { App, ProxyFixture } from '../proxy/proxy-fixture.ts';
import type { PebbleOptions } from './pebble.ts';
import { freePorts, Pebble, until } from './pebble.ts';

/** An order takes about half a second; a machine that is busy takes longer. */
const PATIENCE_MS = 20_000;

export interface StageOptions extends Partial<PebbleOptions> {
  readonly workers?: number;
  readonly flags?: readonly string[];
  /** Default: yes. */
  readonly isProxyStarted?: boolean;
  /** Those that must know the CA. */
  readonly flagsOf?: (pebble: Pebble) => readonly string[];
}

export class Stage {
  readonly proxy = new ProxyFixture();
  readonly app = new App('hello');
  readonly #options: StageOptions;
  pebble!: Pebble;
  /** Of Pebble's certificates. */
  root = '';
  ports = { http: 0, https: 0 };

  private constructor(options: StageOptions) {
    this.#options = options;
  }

  static async start(options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(options);
    const [http = 0, https = 0] = await freePorts(2);
    stage.ports = { http, https };
    stage.pebble = await Pebble.start({ httpPort: http, tlsPort: https, ...options });
    stage.root = await stage.pebble.root();
    if (options.isProxyStarted ?? true) await stage.startProxy();
    return stage;
  }

  /** Also while another one runs: then it takes over. */
  async startProxy(more: readonly string[] = []): Promise<void> {
    await this.proxy.start(this.#run(more));
  }

  async takeOver(more: readonly string[] = []): Promise<void> {
    const { exited } = await this.proxy.startAnother(this.#run(more));
    await exited;
  }

  #run(more: readonly string[]) {
    const { workers = 2, flags = [], flagsOf } = this.#options;
    const acme = ['--acme-directory', this.pebble.directoryUrl, '--acme-ca-file', this.pebble.caFile];
    return {
      workers,
      port: this.ports.http,
      httpsPort: this.ports.https,
      more: [
        ...acme,
        '--lets-encrypt-email',
        'ops@example.com',
        ...flags,
        ...(flagsOf?.(this.pebble) ?? []),
        ...more,
      ],
    };
  }

  deploy(service: string, hosts: readonly string[], tls: DeployRequest['tls'] = {}): Promise<Deployed> {
    return this.proxy.client.deploy(service, {
      hosts: [...hosts],
      targets: [`127.0.0.1:${this.app.port}`],
      tls,
    });
  }

  async certificate(host: string): Promise<CertificateStatus | undefined> {
    return (await this.proxy.client.certificates()).find((status) => status.host === host);
  }

  /** Waits until the host's certificate is in this state; fails with what it says instead. */
  async reaches(host: string, state: CertificateStatus['state']): Promise<CertificateStatus> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const status = await this.certificate(host);
      if (status?.state === state) return status;
      if (performance.now() > deadline) {
        throw new Error(
          `${host} is not ${state}: ${JSON.stringify(status)}\n${this.proxy.said.slice(-2_000)}`,
        );
      }
      await Bun.sleep(20);
    }
  }

  /** Orders it again, and waits until clients are shown another one than this. */
  async renewed(name: string, serial: string, host = name): Promise<CertificateStatus> {
    await this.proxy.client.renewCertificate(name);
    await until(`a new certificate of ${name}`, async () => (await this.shown(host)).serialNumber !== serial);
    return this.reaches(name, 'valid');
  }

  /** What a person reads who gives this command. */
  async proxyCommand(...words: readonly string[]): Promise<string> {
    const { out, err } = await this.proxy.run(...words);
    return out + err;
  }

  async metrics(): Promise<string> {
    const response = await fetch('http://luma-proxy/v1/metrics', { unix: this.proxy.socketPath });
    return response.text();
  }

  /** What a client is shown that trusts only this CA: rejects where there is nothing to trust. */
  shown(host: string, { ca = this.root } = {}): Promise<PeerCertificate> {
    const { promise, resolve, reject } = Promise.withResolvers<PeerCertificate>();
    const socket = connect({ host: '127.0.0.1', port: this.ports.https, servername: host, ca }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
    return promise;
  }

  async get(host: string): Promise<string> {
    const response = await fetch(`https://127.0.0.1:${this.ports.https}/`, {
      headers: { host, connection: 'close' },
      tls: { ca: this.root, serverName: host } as NonNullable<BunFetchRequestInit['tls']>,
    });
    return response.text();
  }

  /** Files of certificates, as they lie. */
  get files(): readonly string[] {
    const folder = join(this.proxy.stateDir, 'certs', 'acme');
    return readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => path.endsWith('.pem'));
  }

  get account(): { readonly url: string; readonly keyPem: string; readonly email: string } {
    const folder = join(this.proxy.stateDir, 'certs', 'acme');
    const file = readdirSync(folder, { recursive: true }).find((name) =>
      String(name).endsWith('account.json'),
    );
    return JSON.parse(readFileSync(join(folder, String(file)), 'utf8'));
  }

  /** Speaks to Pebble as the daemon's own account does. */
  async asAccount(): Promise<AcmeClient> {
    const caPem = readFileSync(this.pebble.caFile, 'utf8');
    const transport = new AcmeTransport({ clock: systemClock, userAgent: 'test', caPem });
    const { signal } = new AbortController();
    const { directoryUrl } = this.pebble;
    const { data } = await transport.send({ url: directoryUrl, method: 'GET', signal });
    return createAcmeClient({
      directoryUrl,
      directory: data as Record<string, unknown>,
      transport,
      accountKeyPem: this.account.keyPem,
      accountUrl: this.account.url,
      externalAccount: null,
      signal,
      onRetryAfter: () => {},
    });
  }

  async dispose(): Promise<void> {
    await this.proxy.dispose();
    await this.app.stop();
    await this.pebble?.dispose();
  }
}
