/** Automatic certificates in the daemon: what its services want of them, and what its commands hear. Owns nothing. */
import { AutomaticCertificates } from './acme/automatic-certificates.ts';
import type { WantingService } from './acme/wanted-names.ts';
import type { CertificatePublisher } from './certificates/contract.ts';
import type { CertificateStatus } from './client/certificate-schema.ts';
import type { DaemonOptions } from './daemon-options.ts';
import type { ClientCommandsParts } from './deploys/client-commands.ts';
import type { Registry } from './services/registry.ts';

export interface DaemonCertificatesParts {
  readonly options: DaemonOptions;
  readonly publisher: CertificatePublisher;
  readonly registry: () => Registry;
  readonly email: () => string | null;
}

export function daemonCertificates(parts: DaemonCertificatesParts): AutomaticCertificates {
  const { options, publisher, registry, email } = parts;
  const { acme: settings, version, stateDir, clock, log, httpsPort } = options;
  // Without a port for HTTPS nobody could show them.
  const services = httpsPort === null ? () => NONE : wantingServices(registry);
  return new AutomaticCertificates({ settings, version, stateDir, publisher, email, services, clock, log });
}

/** What a deploy asks of them. */
export function certificatesForDeploys(
  automatic: AutomaticCertificates,
): ClientCommandsParts['certificates'] {
  return {
    check: ({ hosts, tls, issuance }) => automatic.check({ hosts, hasTls: tls !== null, issuance }),
    uncertified: async (hosts): Promise<CertificateStatus[]> => {
      await automatic.refresh();
      return automatic.statuses.filter(({ host, served }) => !served && hosts.includes(host));
    },
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

function wantingOf({ spec }: Registry['entries'][number]): WantingService {
  const { name, hosts, tls, issuance } = spec;
  return { name, hosts, hasTls: tls !== null, issuance };
}
