/** http-01: a text at `/.well-known/acme-challenge/<token>`, answered by every worker (RFC 8555 §8.3). */
import type { CertificatePublisher } from '../../certificates/contract.ts';
import type { ChallengeSolver } from './solver.ts';

export function http01(publisher: CertificatePublisher): ChallengeSolver {
  return {
    async present({ host, token, keyAuthorization }) {
      const challenge = { kind: 'http-01', host, token, keyAuthorization } as const;
      await publisher.publishChallenge(challenge);
      return () => publisher.withdrawChallenge(challenge);
    },
  };
}
