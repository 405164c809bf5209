/**
 * Automatic certificates as the daemon uses them: built from its settings, told when services change, asked by commands.
 * Owns the manager and everything below it.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import { isHostName, isWildcardHost } from '../../base/host-name.ts';
import type { Log } from '../../base/log.ts';
import { CertificateFiles } from '../certificates/certificate-files.ts';
import type { CertificatePublisher } from '../certificates/contract.ts';
import type { CertificateStatus } from '../client/certificate-schema.ts';
import type { AcmeSettings, DnsSettings } from './acme-settings.ts';
import { AcmeTransport } from './acme-transport.ts';
import { BackOffFile } from './back-off-file.ts';
import type { OrderOutcome } from './certificate-manager.ts';
import { CertificateManager } from './certificate-manager.ts';
import { certificateStatus } from './certificate-status.ts';
import { wildcardNeedsDns } from './challenge-choice.ts';
import { dns01 } from './challenges/dns-01.ts';
import { http01 } from './challenges/http-01.ts';
import type { Solvers } from './challenges/solver.ts';
import { tlsAlpn01 } from './challenges/tls-alpn-01.ts';
import { Cloudflare } from './dns/cloudflare.ts';
import { dnsQuestions, TxtWatch } from './dns/txt-watch.ts';
import { Issuer } from './issuer.ts';
import { SERVICES_LOOK_MS } from './limits.ts';
import { OnDemand } from './on-demand.ts';
import type { WantingService } from './wanted-names.ts';
import { wantedNames } from './wanted-names.ts';

export interface AutomaticCertificatesOptions {
  readonly settings: AcmeSettings;
  readonly version: string;
  readonly stateDir: string;
  readonly publisher: CertificatePublisher;
  /** As a global option names it. */
  readonly email: () => string | null;
  readonly services: () => readonly WantingService[];
  readonly clock: Clock;
  readonly log: Log;
}

export class AutomaticCertificates {
  readonly #options: AutomaticCertificatesOptions;
  readonly #manager: CertificateManager;
  #look: Timer | undefined;
  /** Those that were looked at last. */
  #services: readonly WantingService[] = [];

  constructor(options: AutomaticCertificatesOptions) {
    this.#options = options;
    const { settings, clock, log, publisher, stateDir } = options;
    const files = new CertificateFiles(stateDir, log);
    const onDemand = new OnDemand(clock, log);
    this.#manager = new CertificateManager({
      files,
      backOffs: new BackOffFile(stateDir, log),
      publisher,
      issuer: issuerOf(options, files),
      isAllowed: (ask) => onDemand.isAllowed(ask),
      directoryUrls: { plain: settings.directoryUrl, staging: settings.stagingDirectoryUrl },
      clock,
      log,
      chance: Math.random,
    });
  }

  /** Resolves when what is on disk is published. */
  load(): Promise<void> {
    return this.#manager.load(this.#wanted(this.#options.services()));
  }

  /** Orders begin. */
  open(): void {
    this.#manager.open();
  }

  /** Soon looked at: changes come in crowds. */
  servicesChanged(): void {
    this.#look ??= this.#options.clock.after(SERVICES_LOOK_MS, () => this.refresh());
  }

  /** Looks at the services now; resolves when workers have what that changed. */
  refresh(): Promise<void> {
    this.#look?.cancel();
    this.#look = undefined;
    const services = this.#options.services();
    if (services !== this.#services) this.#manager.want(this.#wanted(services));
    return this.#manager.settled();
  }

  get statuses(): readonly CertificateStatus[] {
    const now = this.#options.clock.now();
    return this.#manager.views.flatMap((view) => certificateStatus(view, now));
  }

  /** Orders it again now, whatever it is. Throws `certificate_not_found`. */
  renew(host: string): CertificateStatus {
    const name = host.toLowerCase();
    if (!this.#manager.renew(name)) throw unknownCertificate(host);
    return this.statuses.find((status) => status.host === name)!;
  }

  /** A client came for a host without certificate. True when it has one now. */
  demand(host: string): Promise<boolean> {
    return this.#manager.demand(host);
  }

  /** Throws `acme_wildcard_needs_dns` or `acme_host_not_a_name` for what could never be ordered. */
  check({ hosts, hasTls, issuance }: Omit<WantingService, 'name'>): void {
    const isOrdered = hasTls && issuance.ownCertificateId === null && issuance.onDemandUrl === null;
    if (!isOrdered) return;
    const wildcard = hosts.find(isWildcardHost);
    if (wildcard !== undefined && this.#options.settings.dns === null) throw wildcardNeedsDns(wildcard);
    const address = hosts.find((host) => host !== '' && !isHostName(host) && !isWildcardHost(host));
    if (address !== undefined) throw notAName(address);
  }

  /** How orders have ended so far. */
  get outcomes(): ReadonlyMap<OrderOutcome, number> {
    return this.#manager.outcomes;
  }

  close(): void {
    this.#look?.cancel();
    this.#manager.close();
  }

  #wanted(services: readonly WantingService[]): ReturnType<typeof wantedNames> {
    this.#services = services;
    return wantedNames(services);
  }
}

function issuerOf(options: AutomaticCertificatesOptions, files: CertificateFiles): Issuer {
  const { settings, clock, log, version, publisher, email } = options;
  const { caPem, externalAccount, challenge, dns } = settings;
  const solvers: Solvers = {
    'http-01': http01(publisher),
    'tls-alpn-01': tlsAlpn01(publisher),
    ...(dns === null ? {} : { 'dns-01': dns01(providerOf(dns, clock), txtWatchOf(dns, clock, log)) }),
  };
  return new Issuer({
    transport: new AcmeTransport({ clock, userAgent: `luma-proxy/${version}`, caPem }),
    files,
    solvers,
    externalAccount,
    email: () => email() ?? settings.email,
    challenge,
    clock,
    log,
  });
}

function providerOf({ token, apiUrl }: DnsSettings, clock: Clock): Cloudflare {
  return new Cloudflare({ token, apiUrl, clock });
}

function txtWatchOf({ resolvers }: DnsSettings, clock: Clock, log: Log): TxtWatch {
  return new TxtWatch({ resolvers, questions: dnsQuestions, clock, log });
}

function notAName(host: string): LumaError {
  return new LumaError(
    'acme_host_not_a_name',
    `no certificate can be ordered for ${host}: it is no host name`,
    {
      hint: 'deploy with a DNS name as --host, or with --tls-certificate-path and --tls-private-key-path',
    },
  );
}

function unknownCertificate(host: string): LumaError {
  return new LumaError('certificate_not_found', `luma-proxy orders no certificate for ${host}`, {
    hint: 'luma-proxy certificates shows those it has; deploy a service with this --host and --ssl to get one',
  });
}
