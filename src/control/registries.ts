/**
 * Who Luma is at image registries. Owns what is known of that in memory, so that images are pulled while the store is away;
 * secrets leave it only towards the runtime.
 */
import type { Clock } from '../base/clock.ts';
import { Mailbox } from '../base/mailbox.ts';
import { type RegistryCredentials, type RegistryLogin, registryHost } from '../domain/registry.ts';
import type { Runtime } from '../runtimes/contract.ts';
import type { Store } from '../store/contract.ts';
import type { LoginOptions, RegistryView } from './contract.ts';
import { refusal } from './errors.ts';

export class Registries {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #runtime: Pick<Runtime, 'checkLogin'>;
  readonly #mailbox = new Mailbox({ name: 'registries' });
  readonly #logins = new Map<string, RegistryLogin>();

  /** `runtime`: whose registries they are; it may know nothing of any. */
  constructor(store: Store, clock: Clock, runtime: Pick<Runtime, 'checkLogin'>) {
    this.#store = store;
    this.#clock = clock;
    this.#runtime = runtime;
  }

  async load(): Promise<void> {
    for (const login of await this.#store.listRegistries()) this.#logins.set(login.host, login);
  }

  /** By host. */
  list(): readonly RegistryView[] {
    return [...this.#logins.values()].map(viewOf).sort((a, b) => (a.host < b.host ? -1 : 1));
  }

  get(host: string): RegistryView {
    const login = this.#logins.get(host);
    if (!login) throw refusal.registryNotFound(host);
    return viewOf(login);
  }

  /** What the registry does not take is not stored, and what was known stays. */
  async put(
    host: string,
    credentials: RegistryCredentials,
    { verify = true }: LoginOptions = {},
  ): Promise<RegistryView> {
    if (verify) await this.#runtime.checkLogin?.(host, credentials);
    return this.#mailbox.post(async () => {
      const login = { host, credentials, updatedAt: this.#clock.now() };
      await this.#store.putRegistry(login);
      this.#logins.set(host, login);
      return viewOf(login);
    });
  }

  remove(host: string): Promise<void> {
    return this.#mailbox.post(async () => {
      this.get(host);
      await this.#store.removeRegistry(host);
      this.#logins.delete(host);
    });
  }

  /** An arrow: the runtime takes it as it is. */
  readonly credentialsFor = (registry: string): RegistryCredentials | null =>
    this.#logins.get(registryHost(registry) ?? registry)?.credentials ?? null;
}

function viewOf({ host, credentials, updatedAt }: RegistryLogin): RegistryView {
  const { kind } = credentials;
  return { host, kind, username: kind === 'password' ? credentials.username : null, updatedAt };
}
