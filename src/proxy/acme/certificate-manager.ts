/**
 * Every name that has, had or wants a certificate of a CA's. Owns their states, the queue of orders, and the counts; what
 * happens to a name is decided by its machine alone, and this carries it out.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CertificateFiles, HeldCertificate } from '../certificates/certificate-files.ts';
import type { CertificatePublisher } from '../certificates/contract.ts';
import { readFailure } from './acme-problem.ts';
import type { BackOffFile, RememberedFailure } from './back-off-file.ts';
import type { CertificateEvent, CertificateState, OrderFailure } from './certificate-machine.ts';
import {
  certificateOf,
  isFailed,
  isOrdering,
  isWaitingForTurn,
  nextCertificateState,
  startState,
  timeOf,
} from './certificate-machine.ts';
import type { Issue } from './issuer.ts';
import { ORDERS_AT_ONCE_MAX, SUGGESTED_AGAIN_MS, TIMER_LONGEST_MS } from './limits.ts';
import type { OnDemandAsk } from './on-demand.ts';
import { Publications } from './publications.ts';
import type { RenewalInfo } from './renewal-info.ts';
import { backOffMs, renewalTime } from './renewal-time.ts';
import { RenewalWatch } from './renewal-watch.ts';
import type { WantedNames } from './wanted-names.ts';

export interface CertificateManagerParts {
  readonly files: Pick<CertificateFiles, 'load' | 'remove'>;
  readonly backOffs: Pick<BackOffFile, 'load' | 'save'>;
  readonly publisher: CertificatePublisher;
  readonly issuer: {
    issue(issue: Issue): Promise<HeldCertificate>;
    renewalInfo(held: HeldCertificate): Promise<RenewalInfo | null>;
    close(): void;
  };
  /** The word of the service whose host it is. */
  readonly isAllowed: (ask: OnDemandAsk) => Promise<boolean>;
  readonly directoryUrls: { readonly plain: string; readonly staging: string };
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1. */
  readonly chance: () => number;
}

export type OrderOutcome = 'issued' | 'renewed' | 'failed' | 'refused' | 'abandoned';

interface Entry {
  readonly name: string;
  state: CertificateState;
  /** The CA it is wanted of. */
  directoryUrl: string;
  service: string | null;
  isOnDemand: boolean;
  /** Its own share of every jitter, so that a plan does not move by being made again. */
  readonly chance: number;
  /** When the CA last wanted it replaced at once. */
  obeyedAt: number;
  timer: Timer | undefined;
  order: AbortController | undefined;
  readonly waiters: Set<() => void>;
}

export type CertificateView = Readonly<
  Pick<Entry, 'name' | 'state' | 'service' | 'directoryUrl' | 'isOnDemand'>
>;

const NOTHING: WantedNames = { names: new Map(), onDemand: () => null };

export class CertificateManager {
  readonly #parts: CertificateManagerParts;
  readonly #entries = new Map<string, Entry>();
  readonly #queue = new Set<string>();
  readonly #publications: Publications;
  readonly #renewals: RenewalWatch;
  readonly #outcomes = new Map<OrderOutcome, number>();
  #wanted = NOTHING;
  #runningCount = 0;
  #isOpen = false;

  constructor(parts: CertificateManagerParts) {
    this.#parts = parts;
    const { publisher, files, log, issuer, clock } = parts;
    this.#publications = new Publications(publisher, files, log);
    this.#renewals = new RenewalWatch({
      ask: (held) => issuer.renewalInfo(held),
      onPlan: (name, renewAt) => this.#replan(this.#entry(name), renewAt),
      clock,
      log,
    });
  }

  /** What is on disk serves from here on. `wanted`: what services say at this moment. */
  async load(wanted: WantedNames): Promise<void> {
    const { files, backOffs } = this.#parts;
    const [held, failures] = await Promise.all([files.load(), backOffs.load()]);
    for (const certificate of held) this.#step(this.#found(certificate), { kind: 'found', certificate });
    this.want(wanted);
    for (const remembered of failures) this.#remember(remembered);
    await this.#publications.settled();
  }

  /** Orders begin. */
  open(): void {
    this.#isOpen = true;
    this.#pump();
  }

  /** All that services want: what is new is ordered, what is left out is let be. */
  want(wanted: WantedNames): void {
    this.#wanted = wanted;
    for (const [name, { service, isStaging }] of wanted.names) {
      this.#want(this.#entry(name), service, isStaging, false);
    }
    for (const entry of [...this.#entries.values()]) this.#look(entry);
    this.#pump();
  }

  /** A client has come for a host without certificate. Resolves when there is one, or when it is clear that there is not. */
  async demand(host: string): Promise<boolean> {
    const entry = this.#entries.get(host) ?? (await this.#demanded(host));
    if (!entry) return false;
    while (isOrdering(entry.state) || isWaitingForTurn(entry.state)) {
      if (certificateOf(entry.state) !== null || !this.#isOpen) break;
      await new Promise<void>((resolve) => entry.waiters.add(resolve));
    }
    await this.#publications.settled();
    return certificateOf(entry.state) !== null && entry.state.kind !== 'retired';
  }

  /** A person's word. False: nobody wants a certificate of this name. */
  renew(name: string): boolean {
    const entry = this.#entries.get(name);
    if (!entry || entry.state.kind === 'retired') return false;
    this.#step(entry, { kind: 'renew' });
    this.#pump();
    return true;
  }

  /** Resolves when every worker serves by what is held now. */
  settled(): Promise<void> {
    return this.#publications.settled();
  }

  get views(): readonly CertificateView[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get outcomes(): ReadonlyMap<OrderOutcome, number> {
    return this.#outcomes;
  }

  /** Orders under way are given up: whoever comes next begins them anew. */
  close(): void {
    this.#isOpen = false;
    this.#parts.issuer.close();
    this.#renewals.close();
    for (const entry of this.#entries.values()) {
      entry.timer?.cancel();
      entry.order?.abort(new Error('this luma-proxy is going'));
      this.#wake(entry);
    }
  }

  // ---- who wants what

  #found(certificate: HeldCertificate): Entry {
    const entry = this.#entry(certificate.name);
    entry.isOnDemand = certificate.isOnDemand;
    entry.directoryUrl = certificate.directoryUrl;
    return entry;
  }

  #entry(name: string): Entry {
    const known = this.#entries.get(name);
    if (known) return known;
    const entry: Entry = {
      name,
      state: startState,
      directoryUrl: this.#parts.directoryUrls.plain,
      service: null,
      isOnDemand: false,
      chance: this.#parts.chance(),
      obeyedAt: Number.NEGATIVE_INFINITY,
      timer: undefined,
      order: undefined,
      waiters: new Set(),
    };
    this.#entries.set(name, entry);
    return entry;
  }

  /** Whether somebody still wants it. */
  #look(entry: Entry): void {
    if (this.#wanted.names.has(entry.name)) return;
    const owner = entry.isOnDemand ? this.#wanted.onDemand(entry.name) : null;
    if (owner) this.#want(entry, owner.service, owner.isStaging, true);
    else {
      entry.service = null;
      this.#step(entry, { kind: 'unwant' });
    }
  }

  #want(entry: Entry, service: string, isStaging: boolean, isOnDemand: boolean): void {
    const { plain, staging } = this.#parts.directoryUrls;
    entry.service = service;
    entry.isOnDemand = isOnDemand;
    const before = entry.directoryUrl;
    entry.directoryUrl = isStaging ? staging : plain;
    // What one CA refused says nothing of another.
    if (before !== entry.directoryUrl && isFailed(entry.state)) this.#step(entry, { kind: 'renew' });
    const held = certificateOf(entry.state);
    const renewAt = held ? renewalTime(held, entry.chance) : 0;
    this.#step(entry, { kind: 'want', directoryUrl: entry.directoryUrl, renewAt });
  }

  async #demanded(host: string): Promise<Entry | null> {
    const asked = this.#wanted.onDemand(host);
    if (!asked || !(await this.#parts.isAllowed({ host, url: asked.askUrl }))) return null;
    // The service may have gone while it was asked.
    const owner = this.#wanted.onDemand(host);
    if (!owner || !this.#isOpen) return this.#entries.get(host) ?? null;
    const entry = this.#entry(host);
    this.#want(entry, owner.service, owner.isStaging, true);
    this.#pump();
    return entry;
  }

  #remember({ name, isRefusal, failures, failure, retryAt }: RememberedFailure): void {
    const entry = this.#entries.get(name);
    if (entry) this.#step(entry, { kind: 'remembered', isRefusal, failures, failure, retryAt });
  }

  // ---- one step of one name

  #step(entry: Entry, event: CertificateEvent): void {
    const before = entry.state;
    const after = nextCertificateState(before, event);
    if (after === before) {
      this.#forgetIfGone(entry);
      return;
    }
    entry.state = after;
    this.#publish(before, after);
    this.#arm(entry);
    if (isWaitingForTurn(after)) this.#queue.add(entry.name);
    else this.#queue.delete(entry.name);
    if (!isOrdering(after) && event.kind !== 'issued' && event.kind !== 'failed') entry.order?.abort();
    if (after.kind === 'valid') this.#renewals.watch(entry.name, after.certificate, entry.chance);
    else this.#renewals.forget(entry.name);
    if (!isOrdering(after) && !isWaitingForTurn(after)) this.#wake(entry);
    this.#saveFailures(before, after);
    this.#forgetIfGone(entry);
  }

  /** Workers have exactly what is wanted and held; a file goes with the state that named it. */
  #publish(before: CertificateState, after: CertificateState): void {
    const was = certificateOf(before);
    const is = certificateOf(after);
    if (was && was.id !== is?.id) this.#publications.discard(was);
    if (!is) return;
    if (after.kind === 'retired') this.#publications.withdraw(is);
    else if (before.kind === 'retired' || is.id !== was?.id) this.#publications.put(is);
  }

  #arm(entry: Entry): void {
    entry.timer?.cancel();
    const at = timeOf(entry.state);
    if (at === null) return;
    const { clock } = this.#parts;
    // The wall clock may jump (suspend, NTP): it is looked at again now and then.
    const waitMs = Math.min(TIMER_LONGEST_MS, Math.max(0, at - clock.now()));
    entry.timer = clock.after(waitMs, () => {
      if (clock.now() < at) this.#arm(entry);
      else {
        this.#step(entry, { kind: 'time' });
        this.#pump();
      }
    });
  }

  #wake(entry: Entry): void {
    for (const wake of entry.waiters) wake();
    entry.waiters.clear();
  }

  #forgetIfGone(entry: Entry): void {
    if (entry.state.kind !== 'gone' || entry.order) return;
    entry.timer?.cancel();
    this.#entries.delete(entry.name);
  }

  #saveFailures(before: CertificateState, after: CertificateState): void {
    if (!isFailed(before) && !isFailed(after)) return;
    const failures = [...this.#entries.values()].flatMap(({ name, state }) => {
      if (!isFailed(state)) return [];
      const { failure, failures: count, retryAt } = state;
      return [{ name, isRefusal: state.kind === 'refused', failures: count, failure, retryAt }];
    });
    void this.#parts.backOffs.save(failures);
  }

  #replan(entry: Entry, suggestedAt: number): void {
    const now = this.#parts.clock.now();
    const renewAt = Math.max(suggestedAt, entry.obeyedAt + SUGGESTED_AGAIN_MS);
    if (renewAt <= now) entry.obeyedAt = now;
    this.#step(entry, { kind: 'replanned', renewAt });
  }

  // ---- orders

  #pump(): void {
    if (!this.#isOpen) return;
    for (const name of [...this.#queue]) {
      if (this.#runningCount >= ORDERS_AT_ONCE_MAX) return;
      const entry = this.#entry(name);
      // An order that was given up a moment ago is still ending: one at a time for each name.
      if (entry.order) continue;
      this.#step(entry, { kind: 'turn' });
      void this.#run(entry);
    }
  }

  async #run(entry: Entry): Promise<void> {
    const order = new AbortController();
    entry.order = order;
    this.#runningCount += 1;
    try {
      if (await this.#isStillAllowed(entry)) await this.#order(entry, order.signal);
      else this.#step(entry, { kind: 'unwant' });
    } finally {
      entry.order = undefined;
      this.#runningCount -= 1;
      this.#forgetIfGone(entry);
      this.#pump();
    }
  }

  /** A host that no service names is asked about again before it is renewed. */
  async #isStillAllowed({ name, isOnDemand, state }: Entry): Promise<boolean> {
    const owner = isOnDemand && state.kind === 'renewing' ? this.#wanted.onDemand(name) : null;
    return owner === null || this.#parts.isAllowed({ host: name, url: owner.askUrl });
  }

  async #order(entry: Entry, signal: AbortSignal): Promise<void> {
    const { issuer, log, files } = this.#parts;
    const { name, state, directoryUrl, isOnDemand } = entry;
    if (!isOrdering(state)) return;
    const failures = 'failures' in state ? state.failures : 0;
    const held = certificateOf(state);
    log.info(held ? 'renewing a certificate' : 'ordering a certificate', { name, directory: directoryUrl });
    try {
      const issued = await issuer.issue({ name, directoryUrl, isOnDemand, held, failures, signal });
      if (!signal.aborted && isOrdering(entry.state)) this.#issued(entry, issued);
      // What comes while this daemon goes is found by the next one.
      else if (this.#isOpen) await files.remove(issued);
    } catch (error) {
      if (signal.aborted) this.#count('abandoned');
      else this.#failed(entry, error, failures + 1);
    }
  }

  #issued(entry: Entry, certificate: HeldCertificate): void {
    const isRenewal = certificateOf(entry.state) !== null;
    this.#count(isRenewal ? 'renewed' : 'issued');
    const renewAt = renewalTime(certificate, entry.chance);
    this.#step(entry, { kind: 'issued', certificate, renewAt });
    // It may be wanted of another CA by now.
    this.#step(entry, { kind: 'want', directoryUrl: entry.directoryUrl, renewAt });
    const { issuer, notAfter } = certificate;
    const facts = { name: entry.name, issuer, expires: new Date(notAfter).toISOString() };
    this.#parts.log.info(isRenewal ? 'a certificate is renewed' : 'a certificate is issued', facts);
  }

  #failed(entry: Entry, error: unknown, failures: number): void {
    const { clock, chance, log } = this.#parts;
    const { code, message, hint, grade, retryAfterMs } = readFailure(error);
    const now = clock.now();
    const failure: OrderFailure = { code, message, hint, at: now };
    const retryAt = now + backOffMs({ grade, failures, retryAfterMs }, chance());
    const isRefusal = grade === 'refused';
    this.#count(isRefusal ? 'refused' : 'failed');
    const next = new Date(retryAt).toISOString();
    log.warn(`no certificate for ${entry.name}: ${message}`, {
      code,
      hint: hint ?? undefined,
      next_try: next,
    });
    this.#step(entry, { kind: 'failed', failure, retryAt, isRefusal });
  }

  #count(outcome: OrderOutcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}
