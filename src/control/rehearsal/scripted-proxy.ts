/**
 * A proxy in memory for the control plane's tests: it routes requests to a fake engine's instances by the rules of
 * the link, on the test's clock. It outlives links, as the daemon does; `link()` is one control plane's end.
 */
import type { Clock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type {
  ExpectedTarget,
  FenceResult,
  GateState,
  ProxyLink,
  ProxyLinkListener,
  ServiceActivity,
  ServiceReport,
  ServiceSpec,
} from '../../proxy/client/contract.ts';

export interface Answer {
  readonly status: number;
  /** The instance that answered, or the code of the failure. */
  readonly by: string;
}

interface Service {
  spec: ServiceSpec;
  gate: GateState;
  token: string | null;
  readonly ready: Set<string>;
  readonly running: Map<string, number>;
  readonly held: Set<(answer: Answer | null) => void>;
  ends: number;
  quietSinceMs: number | null;
  failure: { code: string; untilMs: number } | null;
}

const REPORT_AFTER_MS = 100;
const PROBE_EVERY_MS = 5;

export class ScriptedProxy {
  readonly services = new Map<string, Service>();
  /** Hosts that somebody else has. */
  readonly takenHosts = new Map<string, string>();
  readonly calls: string[] = [];
  /** What was expected, in turn, and whether its workers get a connection to it. */
  readonly expected: ExpectedTarget[] = [];
  reaches = false;
  #listener: ProxyLinkListener | null = null;
  #isUp = true;
  #isLinked = false;
  #tokens = 0;
  readonly #changed = new Set<string>();

  constructor(
    readonly clock: Clock,
    readonly answers: (port: number) => boolean,
  ) {}

  link(): ProxyLink {
    const proxy = this;
    const call = <T>(name: string, run: () => T): Promise<T> => {
      if (!proxy.#isLinked) return Promise.reject(unavailable());
      proxy.calls.push(name);
      try {
        return Promise.resolve(run());
      } catch (error) {
        return Promise.reject(error);
      }
    };
    return {
      open: (listener) => {
        proxy.#listener = listener;
        if (proxy.#isUp) void proxy.connect();
      },
      get isConnected() {
        return proxy.#isLinked;
      },
      publish: (spec) =>
        call(`publish ${spec.name} ${spec.traffic} [${spec.targets.map((t) => t.id)}]`, () =>
          proxy.#publish(spec),
        ),
      remove: (name) => call(`remove ${name}`, () => proxy.#remove(name)),
      fence: (name, ends) => call(`fence ${name}`, () => proxy.#fence(name, ends)),
      signalled: (name, token) => call(`signalled ${name}`, () => proxy.#signalled(name, token)),
      liftFence: (name, token) => call(`lift ${name}`, () => proxy.#lift(name, token)),
      wakeFailed: (name, failure) =>
        call(`wake-failed ${name} ${failure.code} ${failure.retryAfterMs}`, () =>
          proxy.#wakeFailed(name, failure),
        ),
      expect: (_name, target) => {
        proxy.expected.push(target);
        return Promise.resolve(proxy.reaches);
      },
      drained: (name, id, timeoutMs) => {
        proxy.calls.push(`drained ${name} ${id}`);
        return proxy.#isLinked ? proxy.#drained(name, id, timeoutMs) : Promise.reject(unavailable());
      },
      close: () => {
        proxy.#listener = null;
        proxy.#drop();
      },
    };
  }

  /** The proxy is there (again). */
  async connect(): Promise<void> {
    this.#isUp = true;
    const listener = this.#listener;
    if (!listener || this.#isLinked) return;
    const snapshot = await listener.onConnected(this.#reports());
    if (this.#listener !== listener) return;
    const names = new Set(snapshot.map((spec) => spec.name));
    for (const name of [...this.services.keys()]) if (!names.has(name)) this.#remove(name);
    const conflicts = snapshot.flatMap((spec) => this.#conflictOf(spec) ?? []);
    for (const spec of snapshot) if (!this.#conflictOf(spec)) this.#install(spec, true);
    this.#isLinked = true;
    listener.onReady(conflicts);
    for (const [name, service] of this.services) if (service.held.size > 0) listener.onWake(name, null);
  }

  /** The link breaks; `forGood` keeps it broken until `connect`. */
  disconnect(): void {
    this.#isUp = false;
    this.#drop();
  }

  /** One request; `durationMs` is how long its exchange takes. */
  async request(name: string, durationMs = 0): Promise<Answer> {
    for (;;) {
      const service = this.services.get(name);
      if (!service) return { status: 404, by: 'no_service' };
      if (service.spec.traffic === 'stopped')
        return { status: 503, by: service.spec.stopMessage ?? 'stopped' };
      if (service.failure && service.failure.untilMs > this.clock.monotonic()) {
        return { status: 502, by: service.failure.code };
      }
      if (service.gate === 'fenced') this.#unfence(name, service);
      const id = service.gate === 'open' ? this.#choose(service) : null;
      if (id !== null) return this.#exchange(name, service, id, durationMs);
      const verdict = await this.#hold(name, service);
      if (verdict) return verdict;
    }
  }

  gateOf(name: string): GateState | null {
    return this.services.get(name)?.gate ?? null;
  }

  #choose(service: Service): string | null {
    const { targets, targetConcurrency, split } = service.spec;
    const load = (id: string): number => service.running.get(id) ?? 0;
    const silent = new Set(split?.groups.flatMap((group) => (group.percent === 0 ? group.targetIds : [])));
    const free = targets.filter(
      ({ id }) => service.ready.has(id) && (targetConcurrency === 0 || load(id) < targetConcurrency),
    );
    const chosen = free.filter(({ id }) => !silent.has(id));
    const [least] = (chosen.length > 0 ? chosen : free).toSorted((a, b) => load(a.id) - load(b.id));
    return least?.id ?? null;
  }

  async #exchange(name: string, service: Service, id: string, durationMs: number): Promise<Answer> {
    const target = service.spec.targets.find((each) => each.id === id);
    service.running.set(id, (service.running.get(id) ?? 0) + 1);
    this.#touch(name);
    if (durationMs > 0) await this.#wait(durationMs);
    const isThere = target !== undefined && this.answers(target.port);
    service.running.set(id, (service.running.get(id) ?? 1) - 1);
    service.ends += 1;
    service.quietSinceMs = this.clock.monotonic();
    this.#touch(name);
    if (service.gate === 'open') this.#release(service, null);
    if (isThere) return { status: 200, by: id };
    this.#listener?.onTargetRefused(name, id, 'refused');
    return { status: 502, by: 'refused' };
  }

  #hold(name: string, service: Service): Promise<Answer | null> {
    return new Promise((resolve) => {
      const release = (answer: Answer | null): void => {
        timer.cancel();
        service.held.delete(release);
        this.#touch(name);
        resolve(answer);
      };
      const timer = this.clock.after(service.spec.holdTimeoutMs, () =>
        release({ status: 503, by: 'hold_timeout' }),
      );
      service.held.add(release);
      this.#touch(name);
      // Who waits for a slot wakes nobody.
      if (this.#isLinked && service.gate !== 'open')
        this.#listener?.onWake(name, { path: '/', userAgent: 'rehearsal/1' });
    });
  }

  #publish(spec: ServiceSpec): void {
    const conflict = this.#conflictOf(spec);
    if (conflict)
      throw new LumaError('host_taken', `${conflict.host} belongs to ${conflict.owner}`, {
        details: conflict,
      });
    this.#install(spec, false);
  }

  #install(spec: ServiceSpec, isSnapshot: boolean): void {
    const service = this.services.get(spec.name) ?? newService(spec);
    this.services.set(spec.name, service);
    const keepsTargets =
      isSnapshot && spec.targets.length === 0 && service.ready.size > 0 && service.gate !== 'signalled';
    service.spec = keepsTargets ? { ...spec, targets: service.spec.targets } : spec;
    const ids = new Set(service.spec.targets.map((target) => target.id));
    for (const id of [...service.ready]) if (!ids.has(id)) service.ready.delete(id);
    if (spec.traffic === 'stopped') this.#release(service, { status: 503, by: 'stopped' });
    if (ids.size === 0) {
      if (service.gate !== 'signalled') service.gate = 'closed';
      return;
    }
    if (service.ready.size > 0) this.#open(service);
    for (const { id, isReached } of service.spec.targets)
      if (!service.ready.has(id)) this.#probe(spec.name, service, id, isReached === true && !isSnapshot);
  }

  #probe(name: string, service: Service, id: string, isReached = false): void {
    const target = service.spec.targets.find((each) => each.id === id);
    if (!target || service.ready.has(id) || this.services.get(name) !== service) return;
    if (!isReached && !this.answers(target.port)) {
      this.clock.after(PROBE_EVERY_MS, () => this.#probe(name, service, id));
      return;
    }
    service.ready.add(id);
    this.#open(service);
    if (this.#isLinked) this.#listener?.onAnswered(name, id);
  }

  #open(service: Service): void {
    service.gate = 'open';
    service.token = null;
    service.failure = null;
    service.quietSinceMs ??= this.clock.monotonic();
    this.#release(service, null);
  }

  #release(service: Service, answer: Answer | null): void {
    for (const release of [...service.held]) release(answer);
  }

  #remove(name: string): void {
    const service = this.services.get(name);
    this.services.delete(name);
    if (service) this.#release(service, { status: 404, by: 'removed' });
    if (service) this.#removed.set(name, service);
  }

  readonly #removed = new Map<string, Service>();

  #fence(name: string, ends: number): FenceResult {
    const service = this.#serviceOf(name);
    const activity = this.#activityOf(name, service);
    const isBusy =
      activity.inFlight > 0 || activity.held > 0 || activity.ends !== ends || service.gate !== 'open';
    if (isBusy) return { kind: 'refused', activity };
    service.gate = 'fenced';
    service.token = `token-${++this.#tokens}`;
    return { kind: 'fenced', token: service.token };
  }

  #signalled(name: string, token: string): 'accepted' | 'stale' {
    const service = this.#serviceOf(name);
    if (service.gate !== 'fenced' || service.token !== token) return 'stale';
    service.gate = 'signalled';
    return 'accepted';
  }

  #lift(name: string, token: string): void {
    const service = this.services.get(name);
    if (service && service.token === token && service.gate !== 'open') this.#open(service);
  }

  #unfence(name: string, service: Service): void {
    const { token } = service;
    this.#open(service);
    if (this.#isLinked && token) this.#listener?.onFenceLifted(name, token);
  }

  #wakeFailed(name: string, failure: { code: string; retryAfterMs: number }): void {
    const service = this.services.get(name);
    if (!service) return;
    service.failure = { code: failure.code, untilMs: this.clock.monotonic() + failure.retryAfterMs };
    this.#release(service, { status: 502, by: failure.code });
  }

  #drained(name: string, id: string, timeoutMs: number): Promise<boolean> {
    const service = this.services.get(name) ?? this.#removed.get(name);
    const isClear = (): boolean => (service?.running.get(id) ?? 0) === 0;
    return new Promise((resolve, reject) => {
      const untilMs = this.clock.monotonic() + timeoutMs;
      const look = (): void => {
        if (!this.#isLinked) reject(unavailable());
        else if (isClear()) resolve(true);
        else if (this.clock.monotonic() >= untilMs) resolve(false);
        else this.clock.after(PROBE_EVERY_MS, look);
      };
      look();
    });
  }

  #drop(): void {
    if (!this.#isLinked) return;
    this.#isLinked = false;
    for (const service of this.services.values()) if (service.gate === 'fenced') this.#open(service);
    this.#listener?.onDisconnected();
  }

  #touch(name: string): void {
    if (this.#changed.size === 0) this.clock.after(REPORT_AFTER_MS, () => this.#report());
    this.#changed.add(name);
  }

  #report(): void {
    const changed = [...this.#changed].flatMap((name) => {
      const service = this.services.get(name);
      return service ? [this.#activityOf(name, service)] : [];
    });
    this.#changed.clear();
    if (this.#isLinked && changed.length > 0) this.#listener?.onActivity(changed);
  }

  #reports(): ServiceReport[] {
    return [...this.services].map(([name, service]) => ({
      ...this.#activityOf(name, service),
      gate: service.gate,
      targets: service.spec.targets.map(({ id }) => ({
        id,
        state: service.ready.has(id) ? 'ready' : 'starting',
      })),
    }));
  }

  #activityOf(name: string, service: Service): ServiceActivity {
    let inFlight = 0;
    for (const count of service.running.values()) inFlight += count;
    const quietForMs = service.quietSinceMs === null ? null : this.clock.monotonic() - service.quietSinceMs;
    return { service: name, inFlight, held: service.held.size, ends: service.ends, quietForMs };
  }

  #conflictOf(spec: ServiceSpec): { service: string; host: string; owner: string } | null {
    const host = spec.hosts.find((each) => this.takenHosts.has(each));
    return host === undefined ? null : { service: spec.name, host, owner: this.takenHosts.get(host) ?? '' };
  }

  #serviceOf(name: string): Service {
    const service = this.services.get(name);
    if (!service) throw new LumaError('service_not_found', `there is no service ${name}`);
    return service;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }
}

function newService(spec: ServiceSpec): Service {
  return {
    spec,
    gate: 'closed',
    token: null,
    ready: new Set(),
    running: new Map(),
    held: new Set(),
    ends: 0,
    quietSinceMs: null,
    failure: null,
  };
}

function unavailable(): LumaError {
  return new LumaError('proxy_unavailable', 'the link is down');
}
