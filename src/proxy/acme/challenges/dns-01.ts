/** dns-01: a TXT record at `_acme-challenge.<host>` (RFC 8555 §8.4), made by a provider and waited for. */
import type { DnsProvider } from '../dns/provider.ts';
import type { TxtWatch } from '../dns/txt-watch.ts';
import type { ChallengeSolver } from './solver.ts';

export function dns01(provider: DnsProvider, watch: TxtWatch): ChallengeSolver {
  return {
    async present({ host, keyAuthorization, signal }) {
      const name = `_acme-challenge.${host}`;
      const record = await provider.addTxt(name, keyAuthorization, signal);
      try {
        await watch.seen(name, keyAuthorization, signal);
      } catch (error) {
        await provider.removeTxt(record);
        throw error;
      }
      return () => provider.removeTxt(record);
    },
  };
}
