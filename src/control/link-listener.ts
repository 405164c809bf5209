/** What the proxy tells: brings it to the project it is about. Owns what is known of the link, nothing else. */
import type { Log } from '../base/log.ts';
import type { StartFailure } from '../domain/project-status.ts';
import type {
  HostConflict,
  ProxyLink,
  ProxyLinkListener,
  ServiceActivity,
  ServiceReport,
  ServiceSpec,
  WakeCause,
} from '../proxy/client/contract.ts';
import type { ProjectRegistry } from './project-registry.ts';
import type { ProjectSupervisor } from './projects/project-supervisor.ts';

export interface LinkListenerNeeds {
  readonly link: ProxyLink;
  readonly registry: ProjectRegistry;
  readonly log: Log;
  readonly now: () => number;
  /** Looks at the runtime; resolves also when that fails. */
  readonly look: () => Promise<void>;
  readonly onSuspect: (instanceId: string) => void;
  /** What is known of the request that asks for an instance. */
  readonly onCause: (project: string, cause: WakeCause) => void;
}

export class LinkListener implements ProxyLinkListener {
  readonly #needs: LinkListenerNeeds;
  #reports = new Map<string, ServiceReport>();
  #conflicts = new Map<string, StartFailure>();
  /** Projects that requests are held for, and whose instances are not known before the runtime has answered. */
  readonly #waiting = new Set<string>();
  #isReady = false;
  readonly #whenReady: (() => void)[] = [];

  constructor(needs: LinkListenerNeeds) {
    this.#needs = needs;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resolves when our snapshot is in force for the first time. */
  whenReady(): Promise<void> {
    if (this.#isReady) return Promise.resolve();
    return new Promise((resolve) => this.#whenReady.push(resolve));
  }

  async onConnected(reports: readonly ServiceReport[]): Promise<readonly ServiceSpec[]> {
    this.#isReady = false;
    this.#reports = new Map(reports.map((report) => [report.service, report]));
    await this.#needs.look();
    return this.#needs.registry.all().flatMap((supervisor) => supervisor.routes.snapshot() ?? []);
  }

  onReady(conflicts: readonly HostConflict[]): void {
    this.#isReady = true;
    this.#conflicts = new Map(conflicts.map((conflict) => [conflict.service, this.#failureOf(conflict)]));
    for (const supervisor of this.#needs.registry.all()) this.join(supervisor);
    for (const resolve of this.#whenReady.splice(0)) resolve();
  }

  /** The end is ours: the break of the link that follows is no news. */
  close(): void {
    this.#isReady = false;
  }

  /** The project takes part in the link from now on. */
  join(supervisor: ProjectSupervisor): void {
    if (!this.#isReady || !supervisor.isKnown || supervisor.state?.linked) return;
    const { service } = supervisor;
    supervisor.onLinked(this.#reports.get(service) ?? null, this.#conflicts.get(service) ?? null);
    if (this.#waiting.delete(service)) supervisor.send({ kind: 'wake', by: 'proxy' });
  }

  onDisconnected(): void {
    if (this.#isReady)
      this.#needs.log.warn('luma-proxy is not reached; awake projects go on, nothing sleeps or wakes');
    this.#isReady = false;
    this.#waiting.clear();
    for (const supervisor of this.#needs.registry.all()) supervisor.send({ kind: 'unlinked' });
  }

  onWake(service: string, cause: WakeCause | null): void {
    const supervisor = this.#needs.registry.get(service);
    if (!supervisor) return;
    if (cause) this.#needs.onCause(service, cause);
    if (supervisor.isKnown) supervisor.send({ kind: 'wake', by: 'proxy' });
    else this.#waiting.add(service);
  }

  onAnswered(service: string, targetId: string): void {
    this.#needs.registry.get(service)?.send({ kind: 'answered', id: targetId });
  }

  onTargetRefused(service: string, targetId: string, reason: string): void {
    this.#needs.log.info('the edge could not connect to an instance', {
      project: service,
      instance: targetId,
      reason,
    });
    if (this.#needs.registry.byInstance(targetId)) this.#needs.onSuspect(targetId);
  }

  onFenceLifted(service: string, token: string): void {
    this.#needs.registry.get(service)?.send({ kind: 'lifted', token });
  }

  onActivity(changed: readonly ServiceActivity[]): void {
    for (const activity of changed) {
      const supervisor = this.#needs.registry.get(activity.service);
      if (!supervisor) continue;
      if (supervisor.isKnown) supervisor.onActivity(activity);
      else if (activity.held > 0) this.#waiting.add(activity.service);
      else this.#waiting.delete(activity.service);
    }
  }

  #failureOf({ host, owner }: HostConflict): StartFailure {
    const message = `${host} belongs to ${owner}; nothing is routed until one of the two changes`;
    return { code: 'hostname_taken', message, logLines: [], at: this.#needs.now() };
  }
}
