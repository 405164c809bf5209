/** The one line that says Luma is ready: both addresses, and what runs the instances. */
import { formatAuthority } from '../base/host-name.ts';
import type { ChosenRuntime } from './choose-runtime.ts';
import type { LumaConfig } from './config/settings.ts';

export interface Ready {
  readonly config: Pick<LumaConfig, 'apiHost' | 'apiPort' | 'logFormat'>;
  readonly version: string;
  readonly chosen: Pick<ChosenRuntime, 'name' | 'version' | 'reason'>;
  /** Empty while the proxy of `luma server` is not there. */
  readonly proxyUrls: readonly string[];
}

export function readyText({ config, version, chosen, proxyUrls }: Ready): string {
  const apiUrl = `http://${formatAuthority(config.apiHost, config.apiPort)}`;
  if (config.logFormat === 'json') {
    const { name, version: runtimeVersion, reason } = chosen;
    const runtime = { name, version: runtimeVersion, reason };
    return `${JSON.stringify({ ready: true, version, proxy_urls: proxyUrls, api_url: apiUrl, runtime })}\n`;
  }
  const proxy = proxyUrls.length > 0 ? proxyUrls.join(' and ') : 'not there yet';
  const why = chosen.reason === null ? '' : ` (${chosen.reason})`;
  const runtime = `${chosen.name} ${chosen.version}${why}`;
  return `luma ${version} is ready: proxy ${proxy}, API ${apiUrl}, runtime ${runtime}\n`;
}
