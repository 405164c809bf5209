/** Which names are to have a certificate of a CA's, from what services say. Pure. */
import { isHostName, isWildcardHost, wildcardOf } from '../../base/host-name.ts';
import type { Issuance } from '../client/contract.ts';

export interface WantingService {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly hasTls: boolean;
  readonly issuance: Issuance;
}

export interface WantedName {
  readonly service: string;
  readonly isStaging: boolean;
}

/** A service whose hosts get a certificate when the first client comes, if `askUrl` says so. */
export interface OnDemandService extends WantedName {
  readonly askUrl: string;
}

export interface WantedNames {
  /** To be ordered at once. */
  readonly names: ReadonlyMap<string, WantedName>;
  /** Whose word counts for a host that is ordered at its first handshake; null: nobody's, so it gets none. */
  onDemand(host: string): OnDemandService | null;
}

export function wantedNames(services: readonly WantingService[]): WantedNames {
  const names = new Map<string, WantedName>();
  const onDemand = new Map<string, OnDemandService>();
  for (const { name: service, hosts, hasTls, issuance } of services) {
    const { staging: isStaging, onDemandUrl, ownCertificateId } = issuance;
    if (!hasTls || ownCertificateId !== null) continue;
    for (const host of hosts) {
      if (onDemandUrl !== null) onDemand.set(host, { service, isStaging, askUrl: onDemandUrl });
      else if (isHostName(host) || isWildcardHost(host)) names.set(host, { service, isStaging });
    }
  }
  return {
    names,
    onDemand: (host) =>
      isHostName(host) && !names.has(host)
        ? (onDemand.get(host) ?? onDemand.get(wildcardOf(host) ?? '-') ?? onDemand.get('') ?? null)
        : null,
  };
}
