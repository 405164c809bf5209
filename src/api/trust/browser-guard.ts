/**
 * Refuses what a browser was talked into: a page elsewhere, an app at `evil.localhost`, a name that was
 * made to point here (DNS rebinding). Programs send none of these headers, except Host.
 */
import { LumaError } from '../../base/errors.ts';
import { formatAuthority } from '../../base/host-name.ts';

const OWN_NAMES = ['localhost', '127.0.0.1', '::1'] as const;

/** What a browser says of a request the user or our own page began. */
const ownFetchSites = new Set(['same-origin', 'none']);

export class BrowserGuard {
  readonly #ownHosts: ReadonlySet<string>;

  constructor(port: number) {
    const hosts = OWN_NAMES.map((name) => formatAuthority(name, port));
    // A port that is the scheme's own is left out by clients.
    const bare = port === 80 ? OWN_NAMES.map((name) => (name.includes(':') ? `[${name}]` : name)) : [];
    this.#ownHosts = new Set([...hosts, ...bare]);
  }

  check(headers: Headers): void {
    const host = headers.get('Host')?.toLowerCase() ?? '';
    if (!this.#ownHosts.has(host)) throw this.#hostRefused(host);
    const origin = headers.get('Origin');
    if (origin !== null && origin !== `http://${host}`) throw originRefused('Origin', origin);
    const site = headers.get('Sec-Fetch-Site');
    if (site !== null && !ownFetchSites.has(site)) throw originRefused('Sec-Fetch-Site', site);
  }

  #hostRefused(host: string): LumaError {
    return new LumaError('host_refused', `the API does not answer to the host ${JSON.stringify(host)}`, {
      hint: `Use one of ${[...this.#ownHosts].join(', ')}.`,
      fields: [{ field: 'Host', message: 'must be a loopback name with the port of the API', value: host }],
    });
  }
}

function originRefused(field: string, value: string): LumaError {
  return new LumaError('origin_refused', 'the API does not take requests from other web pages', {
    hint: 'Open it at its own address, or use a program such as luma or curl.',
    fields: [{ field, message: 'must be of the API itself, or absent', value: value.slice(0, 200) }],
  });
}
