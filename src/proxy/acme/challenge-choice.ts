/** Which kind of challenge an order is proved by. Pure. */
import { LumaError } from '../../base/errors.ts';
import type { ChallengeKind } from './challenges/solver.ts';

export interface ChoiceGiven {
  readonly name: string;
  /** A person's word; null: whatever works. */
  readonly forced: ChallengeKind | null;
  readonly hasDnsProvider: boolean;
  /** What proved the certificate that is held; null: none is. */
  readonly worked: ChallengeKind | null;
  /** Failures in a row before this order. */
  readonly failures: number;
}

/**
 * In the order in which to try them within one order: all of them at the first try, later one at a time in turn, for a CA
 * counts failed proofs (Let's Encrypt: five an hour for a name). Throws `acme_wildcard_needs_dns`.
 */
export function challengesToTry(given: ChoiceGiven): readonly ChallengeKind[] {
  const { forced, worked, failures } = given;
  if (given.name.startsWith('*.')) {
    if (!given.hasDnsProvider) throw wildcardNeedsDns(given.name);
    return ['dns-01'];
  }
  if (forced !== null) return [forced];
  const able: ChallengeKind[] = [
    'http-01',
    'tls-alpn-01',
    ...(given.hasDnsProvider ? ['dns-01' as const] : []),
  ];
  const kinds = worked === null ? able : [worked, ...able.filter((kind) => kind !== worked)];
  if (failures === 0) return kinds;
  return [kinds[failures % kinds.length]!];
}

export function wildcardNeedsDns(name: string): LumaError {
  return new LumaError(
    'acme_wildcard_needs_dns',
    `a certificate for ${name} needs a DNS provider: CAs sign wildcards only for who controls the domain's DNS`,
    {
      hint: 'start luma-proxy run with --acme-dns-provider cloudflare and CLOUDFLARE_API_TOKEN, or deploy with --tls-certificate-path and --tls-private-key-path',
    },
  );
}
