/** `luma-proxy certificates renew`: a new certificate now, whatever the old one is worth. */
import { certificateHead, certificateRow } from '../certificate-text.ts';
import { defineClientCommand } from '../client-command.ts';

export const certificatesRenewCommand = defineClientCommand({
  name: 'certificates renew',
  summary:
    'order a host’s certificate again now: after it was revoked, or when what stood in the way is gone',
  args: [{ name: 'host', summary: 'as `luma-proxy certificates` shows it' }],
  examples: ['luma-proxy certificates renew shop.example.com'],
  async run({ client, signal, print, table }, input) {
    const certificate = await client.renewCertificate(input.arg('host'), signal);
    print(certificate, () => table(certificateHead, [certificateRow(certificate)]));
  },
});
