/**
 * Who may have which service, with which hosts and targets: what is refused before anything is changed. Owns the index
 * of hosts; the services themselves are the registry's.
 */
import { messageOf } from '../../base/errors.ts';
import type { HostConflict, ServiceSpec } from '../client/contract.ts';
import { SERVICES_MAX } from '../limits.ts';
import { HostIndex } from './host-index.ts';
import type { OwnListener } from './own-listeners.ts';
import { refuseOwnListener } from './own-listeners.ts';
import { CLIENT_OWNER, hostTaken, ownerText, serviceTaken, tooManyServices } from './refusals.ts';
import type { ServiceEntry } from './service-entry.ts';

export class ServiceClaims {
  readonly #entries: ReadonlyMap<string, ServiceEntry>;
  readonly #ownListeners: () => readonly OwnListener[];
  readonly #hosts = new HostIndex();

  constructor(entries: ReadonlyMap<string, ServiceEntry>, ownListeners: () => readonly OwnListener[]) {
    this.#entries = entries;
    this.#ownListeners = ownListeners;
  }

  claim({ name, hosts }: ServiceSpec): void {
    this.#hosts.claim(name, hosts);
  }

  release({ name, hosts }: Pick<ServiceSpec, 'name' | 'hosts'>): void {
    this.#hosts.release(name, hosts);
  }

  /** Somebody else has one of its hosts. */
  isTaken({ name, hosts }: ServiceSpec): boolean {
    return this.#hosts.firstTaken(name, hosts) !== null;
  }

  /** Throws why the service cannot be as it is wanted. */
  check(owner: string, spec: ServiceSpec): void {
    const known = this.#entries.get(spec.name);
    if (known) this.checkOwner(owner, known);
    else if (this.#entries.size >= SERVICES_MAX) throw tooManyServices();
    const taken = this.#hosts.firstTaken(spec.name, spec.hosts);
    if (taken) throw hostTaken(this.#conflict(spec, taken), this.#holderOf(taken));
    for (const target of spec.targets) refuseOwnListener(target, this.#ownListeners());
  }

  checkOwner(owner: string, entry: ServiceEntry): void {
    if (entry.owner !== owner) throw serviceTaken(entry.spec.name, entry.owner);
  }

  /** Of a service of a snapshot that was refused. */
  conflictOf(spec: ServiceSpec, error: unknown): HostConflict {
    const taken = this.#hosts.firstTaken(spec.name, spec.hosts);
    if (taken) return this.#conflict(spec, taken);
    return { service: spec.name, host: spec.hosts[0] ?? '', owner: messageOf(error) };
  }

  #conflict(spec: ServiceSpec, taken: { host: string; service: string }): HostConflict {
    const holder = `service ${taken.service} of ${ownerText(this.#holderOf(taken).owner)}`;
    return { service: spec.name, host: taken.host, owner: holder };
  }

  #holderOf({ service }: { service: string }): { service: string; owner: string } {
    return { service, owner: this.#entries.get(service)?.owner ?? CLIENT_OWNER };
  }
}
