/** tls-alpn-01: a certificate made for the question, shown to who asks by `acme-tls/1` (RFC 8737). */
import type { CertificatePublisher } from '../../certificates/contract.ts';
import type { ChallengeSolver } from './solver.ts';

export function tlsAlpn01(publisher: CertificatePublisher): ChallengeSolver {
  return {
    async present({ host, keyAuthorization }) {
      const { crypto } = await import('acme-client');
      // BoringSSL takes the package's certificates with RSA keys only: their key usage has no digitalSignature.
      const key = await crypto.createPrivateRsaKey(2048);
      // Of the authorization only the identifier is looked at.
      const authorization = { identifier: { type: 'dns', value: host } } as Parameters<
        typeof crypto.createAlpnCertificate
      >[0];
      const [, certificate] = await crypto.createAlpnCertificate(authorization, keyAuthorization, key);
      const challenge = {
        kind: 'tls-alpn-01',
        host,
        certificatePem: String(certificate),
        privateKeyPem: String(key),
      } as const;
      await publisher.publishChallenge(challenge);
      return () => publisher.withdrawChallenge(challenge);
    },
  };
}
