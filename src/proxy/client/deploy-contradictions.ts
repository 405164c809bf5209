/** What a deploy says that cannot be true together. Pure. */
import type { ReadTls } from './deploy-options-schema.ts';

export interface DeployWords {
  /** Lower case; empty: every host. */
  readonly hosts: readonly string[];
  readonly canonical_host: string | null;
  readonly tls: ReadTls | null;
}

export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

export function contradictionsIn({ hosts, canonical_host: canonical, tls }: DeployWords): Contradiction[] {
  const found: Contradiction[] = [];
  if (canonical !== null && !hosts.some((host) => covers(host, canonical))) {
    const message = `${canonical} is none of the hosts of the service: add --host ${canonical}`;
    found.push({ path: ['canonical_host'], message });
  }
  if (tls === null) return found;
  if (tls.own_certificate !== null && (tls.staging || tls.on_demand_url !== null)) {
    const message = 'a service with a certificate of its own orders none: staging and asking have no meaning';
    found.push({ path: ['tls', 'own_certificate'], message });
  }
  if (hosts.includes('') && tls.on_demand_url === null && tls.own_certificate === null) {
    const message =
      'no certificate can be ordered for every host: name the hosts, bring one, or ask by --tls-on-demand-url';
    found.push({ path: ['tls'], message });
  }
  return found;
}

/** `*.example.com` is one level. */
function covers(pattern: string, host: string): boolean {
  if (pattern === '' || pattern === host) return true;
  return pattern.startsWith('*.') && host.slice(host.indexOf('.')) === pattern.slice(1);
}
