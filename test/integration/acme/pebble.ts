/**
 * A real CA for tests: Pebble, with pebble-challtestsrv for the DNS it sees, each test its own pair. Every name means
 * 127.0.0.1 there; http-01 and tls-alpn-01 look at the ports the test names. Ends what it started.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PebbleOptions {
  /** Where Pebble looks for http-01 and tls-alpn-01. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Percent of good nonces that it refuses. */
  readonly nonceReject?: number;
  /** Percent of proofs that it remembers for the next order. */
  readonly authorizationReuse?: number;
  /** It takes up to so many seconds before it looks; default: none. */
  readonly validationSleepS?: number;
  /** Accounts must be bound to this one. */
  readonly externalAccount?: { readonly keyId: string; readonly hmacKey: string };
}

const PATIENCE_MS = 25_000;

export class Pebble {
  readonly dir = mkdtempSync(join(tmpdir(), 'luma-pebble-'));
  /** Signs Pebble's own certificate. */
  readonly caFile = join(this.dir, 'ca.pem');
  #ca: Bun.Subprocess | undefined;
  #dns: Bun.Subprocess | undefined;
  #said = '';
  readonly #options: PebbleOptions;
  #port = 0;
  #managementPort = 0;
  dnsPort = 0;
  #dnsManagementPort = 0;

  private constructor(options: PebbleOptions) {
    this.#options = options;
  }

  static async start(options: PebbleOptions): Promise<Pebble> {
    const pebble = new Pebble(options);
    await pebble.#makeCertificate();
    [pebble.#port, pebble.#managementPort, pebble.dnsPort, pebble.#dnsManagementPort] = (await freePorts(
      4,
    )) as [number, number, number, number];
    pebble.#startDns();
    await pebble.startCa();
    return pebble;
  }

  get directoryUrl(): string {
    return `https://127.0.0.1:${this.#port}/dir`;
  }

  get resolver(): string {
    return `127.0.0.1:${this.dnsPort}`;
  }

  /** Anew, on the same ports: Pebble forgets everything. */
  async startCa(): Promise<void> {
    const { nonceReject = 0, authorizationReuse = 0, validationSleepS: sleepS = 0 } = this.#options;
    const config = join(this.dir, 'pebble.json');
    writeFileSync(config, JSON.stringify({ pebble: this.#config() }));
    this.#ca = Bun.spawn(['pebble', '-config', config, '-dnsserver', this.resolver], {
      env: {
        PATH: process.env['PATH'] ?? '',
        ...(sleepS > 0 ? { PEBBLE_VA_SLEEPTIME: String(sleepS) } : { PEBBLE_VA_NOSLEEP: '1' }),
        PEBBLE_WFE_NONCEREJECT: String(nonceReject),
        PEBBLE_AUTHZREUSE: String(authorizationReuse),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    void this.#collect(this.#ca.stdout as ReadableStream<Uint8Array>);
    void this.#collect(this.#ca.stderr as ReadableStream<Uint8Array>);
    await until('Pebble', async () => (await this.ask(this.directoryUrl).catch(() => null))?.ok ?? false);
  }

  async stopCa(): Promise<void> {
    this.#ca?.kill('SIGKILL');
    await this.#ca?.exited;
  }

  /** Everything it has written. */
  get said(): string {
    return this.#said;
  }

  /** The names of every certificate that this Pebble has signed, as it signed them. */
  async signedNames(): Promise<readonly string[]> {
    const serials = [...this.#said.matchAll(/Issued certificate serial (\S+) for order/g)].map(
      ([, serial]) => serial,
    );
    return Promise.all(serials.map(async (serial = '') => namesOf((await this.#issued(serial)).Certificate)));
  }

  ask(url: string): Promise<Response> {
    return fetch(url, { tls: { ca: Bun.file(this.caFile) } });
  }

  /** What its certificates go back to. */
  async root(): Promise<string> {
    return (await this.ask(`https://127.0.0.1:${this.#managementPort}/roots/0`)).text();
  }

  async isRevoked(serial: string): Promise<boolean> {
    return (await this.#issued(serial.toLowerCase().replace(/^0+/, ''))).Status === 'Revoked';
  }

  async #issued(serial: string): Promise<{ Status: string; Certificate: string }> {
    const url = `https://127.0.0.1:${this.#managementPort}/cert-status-by-serial/${serial}`;
    return (await (await this.ask(url)).json()) as { Status: string; Certificate: string };
  }

  /** `set-txt`, `clear-txt`, `add-a`, `set-default-ipv4`, `add-caa` … of pebble-challtestsrv. */
  async dns(verb: string, body: Record<string, unknown>): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.#dnsManagementPort}/${verb}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${verb}: ${response.status} ${await response.text()}`);
  }

  async dispose(): Promise<void> {
    await this.stopCa();
    this.#dns?.kill('SIGKILL');
    await this.#dns?.exited;
    rmSync(this.dir, { recursive: true, force: true });
  }

  #config(): Record<string, unknown> {
    const { httpPort, tlsPort, externalAccount } = this.#options;
    return {
      listenAddress: `127.0.0.1:${this.#port}`,
      managementListenAddress: `127.0.0.1:${this.#managementPort}`,
      certificate: join(this.dir, 'leaf.pem'),
      privateKey: join(this.dir, 'leaf.key'),
      httpPort,
      tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: externalAccount !== undefined,
      ...(externalAccount === undefined
        ? {}
        : { externalAccountMACKeys: { [externalAccount.keyId]: externalAccount.hmacKey } }),
    };
  }

  #startDns(): void {
    const words = ['-dns01', this.resolver, '-management', `127.0.0.1:${this.#dnsManagementPort}`];
    words.push('-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', '');
    this.#dns = Bun.spawn(['pebble-challtestsrv', ...words], { stdio: ['ignore', 'ignore', 'ignore'] });
  }

  /** A CA of its own, and a certificate of it for 127.0.0.1. */
  async #makeCertificate(): Promise<void> {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const file = (name: string): string => join(this.dir, name);
    await openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      file('ca.key'),
      '-out',
      this.caFile,
      '-subj',
      '/CN=Test CA',
    );
    const leaf = ['-keyout', file('leaf.key'), '-out', file('leaf.pem'), '-subj', '/CN=127.0.0.1'];
    const ca = ['-CA', this.caFile, '-CAkey', file('ca.key'), '-addext', 'subjectAltName=IP:127.0.0.1'];
    await openssl('req', '-x509', ...key, ...leaf, ...ca, '-addext', 'basicConstraints=critical,CA:FALSE');
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#said += decoder.decode(chunk, { stream: true });
  }
}

function namesOf(pem: string): string {
  return new X509Certificate(pem).subjectAltName?.replaceAll('DNS:', '') ?? '';
}

export async function openssl(...words: readonly string[]): Promise<string> {
  const child = Bun.spawn(['openssl', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`openssl ${words.join(' ')}: ${err}`);
  return out;
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(20);
  }
}
