/** What Luma needs of whoever serves a domain's DNS: one TXT record, and its end. Implementations stand beside. */

/** As the provider finds it again. */
export interface TxtRecord {
  readonly zoneId: string;
  readonly recordId: string;
  readonly name: string;
}

export interface DnsProvider {
  /** For people: `Cloudflare`. */
  readonly title: string;
  /** Beside others of the same name. Rejects with `dns_provider_refused`, `dns_provider_unreachable`, `dns_zone_unknown`. */
  addTxt(name: string, value: string, signal: AbortSignal): Promise<TxtRecord>;
  /** One that is gone already is no error. */
  removeTxt(record: TxtRecord): Promise<void>;
}
