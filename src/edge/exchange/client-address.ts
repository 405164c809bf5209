/**
 * Who asks: the only place that decides on a client's address. One per connection; owns the peer it stands for and
 * the last result. What forwarding fields say counts only from a trusted proxy, hop by hop from the nearest.
 */
import type { FieldSection } from '../http1/field-section.ts';
import { parseForwarded } from '../http1/forwarded-field.ts';
import { type HostField, parseHostField } from '../http1/host-field.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { KnownAddress, TrustedProxies } from './trusted-proxies.ts';

export interface RequestOrigin {
  /** The nearest address that is not a trusted proxy's: RFC 5952, no port. */
  readonly address: string;
  readonly proto: 'http' | 'https';
  /** Of the socket or its PROXY header. */
  readonly peer: string;
  /** As the client asked for it; null: it named none. */
  readonly host: string | null;
  /** The `X-Forwarded-…` lines for the target. */
  readonly lines: string;
}

/** What the hops before our peer say, the client's end first; `null`: not said, or not to be read. */
interface Said {
  readonly nodes: readonly (string | null)[];
  readonly protos: readonly (string | null)[];
  readonly hosts: readonly (string | null)[];
}

const HOPS_MAX = 32;
const NOTHING_SAID: Said = { nodes: [], protos: [], hosts: [] };

export class ClientAddress {
  readonly #proxies: TrustedProxies;
  readonly #peer: KnownAddress;
  readonly #ownProto: 'http' | 'https';
  #lastHost: HostField | null = null;
  #last: RequestOrigin | null = null;

  /** `peer` as the socket or its PROXY header has it; `ownProto`: what the connection itself speaks. */
  constructor(peer: string, proxies: TrustedProxies, ownProto: 'http' | 'https' = 'http') {
    this.#ownProto = ownProto;
    this.#proxies = proxies;
    this.#peer = proxies.find(peer) ?? { text: peer, isTrusted: false };
  }

  get peer(): string {
    return this.#peer.text;
  }

  /** The peer stands for others. */
  get isTrustedProxy(): boolean {
    return this.#peer.isTrusted;
  }

  /** `ipHeader`: where trusted proxies name the client, in lower case; null: in the forwarding fields. */
  origin(head: RequestHead, ipHeader: string | null = null): RequestOrigin {
    if (this.#peer.isTrusted) return this.#believed(head, ipHeader);
    if (this.#last !== null && head.host === this.#lastHost) return this.#last;
    this.#lastHost = head.host;
    this.#last = originOf(this.#peer.text, [this.#peer.text], this.#ownProto, head.host?.text ?? null);
    return this.#last;
  }

  #believed(head: RequestHead, ipHeader: string | null): RequestOrigin {
    const said = saidBy(head.fields);
    const hops = this.#named(head.fields, ipHeader) ?? this.#hops(said.nodes);
    const at = said.nodes.length - (hops.length - 1);
    const proto = pick(said.protos, at, said.nodes.length)?.toLowerCase() ?? this.#ownProto;
    const host = pick(said.hosts, at, said.nodes.length);
    const believedHost = host !== null && parseHostField(host) !== null ? host : (head.host?.text ?? null);
    return originOf(this.#peer.text, hops, proto === 'https' ? 'https' : 'http', believedHost);
  }

  /** The client as the header for it says, once and legibly; null: then as the forwarding fields say. */
  #named(fields: FieldSection, ipHeader: string | null): string[] | null {
    const value = ipHeader === null ? null : joinedValue(fields, ipHeader);
    const client = value === null ? null : this.#proxies.find(value);
    return client === null ? null : [client.text, this.#peer.text];
  }

  /** Down from our peer, as long as each is trusted to name the one before it. The client's address is first. */
  #hops(nodes: readonly (string | null)[]): string[] {
    const hops = [this.#peer.text];
    let nearest = this.#peer;
    for (let index = nodes.length - 1; index >= 0 && nearest.isTrusted && hops.length < HOPS_MAX; index--) {
      const known = this.#proxies.find(nodes[index] ?? '');
      if (known === null) break;
      hops.unshift(known.text);
      nearest = known;
    }
    return hops;
  }
}

/**
 * What the hop that named the client said with it. A list as long as the addresses' has one value for each;
 * otherwise proxies passed one value on, and the last is the nearest one's.
 */
function pick(values: readonly (string | null)[], at: number, nodeCount: number): string | null {
  return (values.length === nodeCount ? values[at] : undefined) ?? values.at(-1) ?? null;
}

/** `X-Forwarded-…` before `Forwarded`: who sets only the former passes a client's `Forwarded` on unseen. */
function saidBy(fields: FieldSection): Said {
  const nodes = listOf(fields, 'x-forwarded-for');
  const protos = listOf(fields, 'x-forwarded-proto');
  const hosts = listOf(fields, 'x-forwarded-host');
  if (nodes.length + protos.length + hosts.length > 0) return { nodes, protos, hosts };
  const forwarded = joinedValue(fields, 'forwarded');
  const hops = forwarded === null ? null : parseForwarded(forwarded);
  if (hops === null) return NOTHING_SAID;
  return {
    nodes: hops.map(({ node }) => node),
    protos: hops.map(({ proto }) => proto),
    hosts: hops.map(({ host }) => host),
  };
}

function listOf(fields: FieldSection, name: string): string[] {
  const value = joinedValue(fields, name);
  return value === null ? [] : value.split(',').map((member) => member.trim());
}

/** All lines of that name as the one they stand for (RFC 9110 §5.3). */
function joinedValue(fields: FieldSection, name: string): string | null {
  let joined: string | null = null;
  for (let index = 0; index < fields.count; index++) {
    if (!fields.isNamed(index, name)) continue;
    joined = joined === null ? fields.value(index) : `${joined},${fields.value(index)}`;
  }
  return joined;
}

/** `hops`: the client first, then who passed it on. */
function originOf(
  peer: string,
  hops: readonly string[],
  proto: 'http' | 'https',
  host: string | null,
): RequestOrigin {
  const hostLine = host === null ? '' : `X-Forwarded-Host: ${host}\r\n`;
  const lines = `X-Forwarded-For: ${hops.join(', ')}\r\nX-Forwarded-Proto: ${proto}\r\n${hostLine}`;
  return { address: hops[0] ?? '', proto, peer, host, lines };
}
