/** Certificates in words, for every command that shows them. */
import type { CertificateStatus } from '../../proxy/client/index.ts';
import type { Cell, Colour } from '../table.ts';
import { printable } from '../terminal.ts';

export const certificateHead = ['HOST', 'STATE', 'ISSUER', 'EXPIRES', 'NEXT TRY', 'SERVICE'];

const COLOURS: Readonly<Record<CertificateStatus['state'], Colour>> = {
  valid: 'green',
  wanted: 'yellow',
  ordering: 'yellow',
  due: 'yellow',
  renewing: 'yellow',
  'backing-off': 'red',
  refused: 'red',
  retired: 'dim',
  own: 'green',
};

export function certificateRow(status: CertificateStatus): (string | Cell)[] {
  const { host, state, issuer, not_after: notAfter, next_try_at: nextTryAt, service } = status;
  return [
    host,
    { text: state, colour: COLOURS[state] },
    issuer ?? '-',
    minuteText(notAfter),
    minuteText(nextTryAt),
    service ?? '-',
  ];
}

/** Why the last orders failed, and what to do. */
export function failureLines(certificates: readonly CertificateStatus[]): string {
  const lines = certificates.flatMap(({ host, last_error: error }) => {
    if (!error) return [];
    const hint = error.hint === null ? [] : [`  hint: ${printable(error.hint)}\n`];
    return [`\n${printable(host)} (${minuteText(error.at)}): ${printable(error.message)}\n`, ...hint];
  });
  return lines.join('');
}

/** For a deploy's answer: what HTTPS still waits for. */
export function waitingText({ host, state, last_error: error }: CertificateStatus): string {
  if (error) return `${host} has no certificate yet: ${error.message}`;
  const what = state === 'ordering' ? 'is being ordered' : 'waits to be ordered';
  return `the certificate of ${host} ${what}: HTTPS works when it is there (luma-proxy certificates shows it)`;
}

/** `2030-01-02 03:04 UTC` */
function minuteText(instant: string | null): string {
  return instant === null ? '-' : `${instant.slice(0, 16).replace('T', ' ')} UTC`;
}
