/** Lists of tokens as `Connection`, `Transfer-Encoding`, `TE` and `Upgrade` carry them (RFC 9110 §5.6.1). No state. */

/** Lower-case members, empty ones left out. */
export function listMembers(value: string): string[] {
  const members: string[] = [];
  for (const part of value.toLowerCase().split(',')) {
    const member = part.trim();
    if (member !== '') members.push(member);
  }
  return members;
}

/** Fields that concern one hop only (RFC 9110 §7.6.1), also where no `Connection` names them. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
  'http2-settings',
]);

/** Naming these in `Connection` would take away what the next hop needs: they are not options (RFC 9110 §7.6.1). */
const END_TO_END = new Set([
  'host',
  'content-length',
  'content-type',
  'cache-control',
  'authorization',
  'cookie',
]);

export function isHopByHop(lowerCaseName: string): boolean {
  return HOP_BY_HOP.has(lowerCaseName);
}

/** The names among connection options that stand for fields to be removed. */
export function fieldsListed(options: readonly string[]): string[] {
  return options.filter(
    (option) =>
      option !== 'close' && option !== 'keep-alive' && option !== 'upgrade' && !END_TO_END.has(option),
  );
}
