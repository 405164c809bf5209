/** `luma-proxy certificates`: every host's automatic certificate, what became of it and what comes next. */
import type { CertificateStatus } from '../../../proxy/client/index.ts';
import type { Cell } from '../../table.ts';
import { certificateHead, certificateRow, failureLines } from '../certificate-text.ts';
import { defineClientCommand } from '../client-command.ts';

export const certificatesListCommand = defineClientCommand({
  name: 'certificates list',
  isDefault: true,
  summary: 'list certificates: state, issuer, expiry, last error, next try',
  examples: ['luma-proxy certificates', 'luma-proxy certificates --json'],
  async run({ client, signal, print, table }) {
    const certificates = await client.certificates(signal);
    print(certificates, () => text(certificates, table));
  },
});

function text(
  certificates: readonly CertificateStatus[],
  table: (head: readonly string[], rows: readonly (readonly (string | Cell)[])[]) => string,
): string {
  if (certificates.length === 0) return 'no certificates: luma-proxy deploy --ssl orders one for each host\n';
  return table(certificateHead, certificates.map(certificateRow)) + failureLines(certificates);
}
