/** What a person may set for the edge of every worker. Plain data: worker processes get it as JSON. */

export interface EdgeSettings {
  /** Address ranges of proxies in front whose word about clients is believed. */
  readonly trustedProxies: readonly string[];
  /** Every connection must come from one of them and begin with a PROXY header. */
  readonly usesProxyProtocol: boolean;
  /** Open connections of one client address (of one /64 in IPv6) to one worker; 0: no limit. */
  readonly connectionsPerAddressMax: number;
  /** Where plain HTTP is sent on to; null: there is no HTTPS. */
  readonly httpsPort: number | null;
}

export const DEFAULT_EDGE_SETTINGS: EdgeSettings = {
  trustedProxies: [],
  usesProxyProtocol: false,
  connectionsPerAddressMax: 0,
  httpsPort: null,
};
