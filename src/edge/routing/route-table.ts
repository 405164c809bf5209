/**
 * Host and path to service. A change replaces only the entries of the services it names, so an update costs the same
 * with 100,000 hosts as with ten; entries are never changed in place, and running exchanges keep what they were given.
 */
import { assert } from '../../base/errors.ts';
import type { RouteChange, ServiceRoute } from './service-route.ts';

/** One service under one host and prefix. */
interface Entry {
  readonly prefix: string;
  readonly route: ServiceRoute;
}

/** Of one host, longest prefix first. */
type Entries = readonly Entry[];

export class RouteTable {
  #generation = 0;
  readonly #services = new Map<string, ServiceRoute>();
  /** By exact host, `*.suffix`, and `''` for the catch-all. */
  readonly #hosts = new Map<string, Entries>();

  get generation(): number {
    return this.#generation;
  }

  get size(): number {
    return this.#services.size;
  }

  service(name: string): ServiceRoute | undefined {
    return this.#services.get(name);
  }

  services(): Iterable<ServiceRoute> {
    return this.#services.values();
  }

  apply(change: RouteChange): void {
    assert(change.generation >= this.#generation, 'the generation of the route table never falls');
    this.#generation = change.generation;
    for (const name of change.remove) this.#remove(name);
    for (const route of change.put) {
      this.#remove(route.name);
      this.#services.set(route.name, route);
      for (const host of route.hosts) this.#insert(host, route);
    }
  }

  /** `host` as compared: lower case, no port. The exact host first, then its wildcard, then the catch-all. */
  find(host: string, path: string): ServiceRoute | null {
    const exact = this.#hosts.get(host);
    if (exact !== undefined) {
      const route = longestMatch(exact, path);
      if (route !== null) return route;
    }
    return this.#findWildcard(host, path);
  }

  /** Whether a service of this host, under whatever path, is served over TLS. */
  isHostOfTls(host: string): boolean {
    const dot = host.indexOf('.');
    const patterns = [host, ...(dot > 0 ? [`*${host.slice(dot)}`] : []), ''];
    const entries = patterns.map((pattern) => this.#hosts.get(pattern)).find((found) => found !== undefined);
    return entries?.some(({ route }) => route.tls !== null) ?? false;
  }

  #findWildcard(host: string, path: string): ServiceRoute | null {
    const dot = host.indexOf('.');
    const wildcard = dot > 0 ? this.#hosts.get(`*${host.slice(dot)}`) : undefined;
    const route = wildcard === undefined ? null : longestMatch(wildcard, path);
    if (route !== null) return route;
    const all = this.#hosts.get('');
    return all === undefined ? null : longestMatch(all, path);
  }

  #insert(host: string, route: ServiceRoute): void {
    const entries = [...(this.#hosts.get(host) ?? [])];
    for (const prefix of route.pathPrefixes) entries.push({ prefix: withoutFinalSlash(prefix), route });
    entries.sort((a, b) => b.prefix.length - a.prefix.length);
    this.#hosts.set(host, entries);
  }

  #remove(name: string): void {
    const route = this.#services.get(name);
    if (route === undefined) return;
    this.#services.delete(name);
    for (const host of route.hosts) {
      const left = (this.#hosts.get(host) ?? []).filter((entry) => entry.route.name !== name);
      if (left.length > 0) this.#hosts.set(host, left);
      else this.#hosts.delete(host);
    }
  }
}

/** The target a service sees: without the prefix it matched by, where it wants that. */
export function targetFor(route: ServiceRoute, target: string, path: string): string {
  if (!route.stripPathPrefix) return target;
  const prefix = matchedPrefix(route, path);
  if (prefix === '') return target;
  const rest = target.slice(prefix.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Whether a path is one of these, or below one. */
export function isUnderAny(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => isUnder(path, withoutFinalSlash(prefix)));
}

function matchedPrefix(route: ServiceRoute, path: string): string {
  let longest = '';
  for (const prefix of route.pathPrefixes) {
    const bare = withoutFinalSlash(prefix);
    if (bare.length > longest.length && isUnder(path, bare)) longest = bare;
  }
  return longest;
}

function longestMatch(entries: Entries, path: string): ServiceRoute | null {
  for (const entry of entries) {
    if (entry.prefix === '' || isUnder(path, entry.prefix)) return entry.route;
  }
  return null;
}

/** On a segment border: `/api` has `/api` and `/api/x`, not `/apix`. */
function isUnder(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return path.length === prefix.length || path.charCodeAt(prefix.length) === 47;
}

function withoutFinalSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}
