/**
 * Every certificate of the daemon: those that people brought, those that are ordered, and what workers are told of both.
 * Owns all three; the daemon says when to begin, and that services have changed.
 */
import type { Exposition } from '../telemetry/index.ts';
import { AutomaticCertificates } from './acme/automatic-certificates.ts';
import { exposeCertificates } from './acme/certificate-status.ts';
import type { WantingService } from './acme/wanted-names.ts';
import { OwnCertificates, type OwnCertificateUse } from './certificates/own-certificates.ts';
import { type PublicationChannel, PublishedCertificates } from './certificates/published-certificates.ts';
import type { CertificateStatus } from './client/certificate-schema.ts';
import type { DaemonOptions } from './daemon-options.ts';
import type { ClientCommandsParts } from './deploys/client-commands.ts';
import type { Registry } from './services/registry.ts';
import type { CertificateOrder } from './workers/worker-protocol.ts';

export interface DaemonCertificatesParts {
  readonly options: DaemonOptions;
  readonly channel: () => PublicationChannel;
  readonly registry: () => Registry;
  /** As a global option names it. */
  readonly email: () => string | null;
}

export class DaemonCertificates {
  readonly own: OwnCertificates;
  readonly #parts: DaemonCertificatesParts;
  readonly #published: PublishedCertificates;
  readonly #automatic: AutomaticCertificates;

  constructor(parts: DaemonCertificatesParts) {
    this.#parts = parts;
    const { options, channel, registry, email } = parts;
    const { acme: settings, version, stateDir, clock, log, httpsPort } = options;
    const publisher = new PublishedCertificates(channel);
    this.#published = publisher;
    const use = (): OwnCertificateUse => registry().entries.flatMap(ownUseOf);
    this.own = new OwnCertificates({ stateDir, publisher, use, nowMs: () => clock.now(), log });
    // Without a port for HTTPS nobody could show them.
    const services = httpsPort === null ? () => NONE : wantingServices(registry);
    const around = { clock, log, email, services };
    this.#automatic = new AutomaticCertificates({ settings, version, stateDir, publisher, ...around });
  }

  /** Before there are workers: they begin with all of them, and orphans never see a list without them. */
  async load(): Promise<void> {
    const { defaultCertificate } = this.#parts.options;
    await this.own.load();
    if (defaultCertificate !== null) await this.own.showByDefault(defaultCertificate);
    await this.#automatic.load();
  }

  /** Orders begin. */
  open(): void {
    this.#automatic.open();
  }

  servicesChanged(): void {
    this.#automatic.servicesChanged();
  }

  /** For a worker that begins. */
  get current(): CertificateOrder {
    return this.#published.current();
  }

  get statuses(): readonly CertificateStatus[] {
    const all = [...this.#automatic.statuses, ...this.#ownStatuses()];
    return all.sort((a, b) => (a.host < b.host ? -1 : 1));
  }

  /** Throws `certificate_not_found`. */
  renew(host: string): CertificateStatus {
    return this.#automatic.renew(host);
  }

  /** A client came for a host without certificate. Resolves when it has one, or is to have none. */
  async demand(host: string): Promise<void> {
    await this.#automatic.demand(host);
  }

  expose(out: Exposition): void {
    exposeCertificates(out, this.statuses, this.#automatic.outcomes);
  }

  /** What a deploy asks of them. */
  get forDeploys(): ClientCommandsParts['certificates'] {
    const automatic = this.#automatic;
    return {
      check: ({ hosts, tls, issuance }) => automatic.check({ hosts, hasTls: tls !== null, issuance }),
      uncertified: async (hosts) => {
        await automatic.refresh();
        return automatic.statuses.filter(({ host, served }) => !served && hosts.includes(host));
      },
    };
  }

  close(): void {
    this.#automatic.close();
  }

  #ownStatuses(): CertificateStatus[] {
    const now = this.#parts.options.clock.now();
    return this.#parts.registry().entries.flatMap(({ spec: { name, hosts, issuance } }) => {
      const facts = issuance.ownCertificateId === null ? undefined : this.own.find(issuance.ownCertificateId);
      if (!facts) return [];
      return hosts.map((host) => ownStatus(host || '*', name, facts, now));
    });
  }
}

type OwnFacts = NonNullable<ReturnType<OwnCertificates['find']>>;

function ownStatus(host: string, service: string, facts: OwnFacts, nowMs: number): CertificateStatus {
  return {
    host,
    service,
    state: 'own',
    served: facts.notAfter > nowMs,
    issuer: facts.issuer,
    not_before: new Date(facts.notBefore).toISOString(),
    not_after: new Date(facts.notAfter).toISOString(),
    challenge: null,
    directory: null,
    on_demand: false,
    next_try_at: null,
    last_error: null,
  };
}

const NONE: readonly WantingService[] = [];

/** The same list while no service is another one: most changes of the registry are of gates. */
function wantingServices(registry: () => Registry): () => readonly WantingService[] {
  let specs: readonly object[] = [];
  let list = NONE;
  return () => {
    const { entries } = registry();
    const isSame = entries.length === specs.length && entries.every(({ spec }, at) => spec === specs[at]);
    if (isSame) return list;
    specs = entries.map(({ spec }) => spec);
    list = entries.map(wantingOf);
    return list;
  };
}

type Entry = Registry['entries'][number];

function wantingOf({ spec }: Entry): WantingService {
  const { name, hosts, tls, issuance } = spec;
  return { name, hosts, hasTls: tls !== null, issuance };
}

function ownUseOf({ spec: { hosts, issuance } }: Entry): { id: string; hosts: readonly string[] }[] {
  return issuance.ownCertificateId === null ? [] : [{ id: issuance.ownCertificateId, hosts }];
}
