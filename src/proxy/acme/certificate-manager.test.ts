import { expect, test } from 'bun:test';
import { LumaError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { HeldCertificate } from '../certificates/certificate-files.ts';
import type { Issuance } from '../client/contract.ts';
import { problemOf } from './acme-problem.ts';
import type { RememberedFailure } from './back-off-file.ts';
import { CertificateManager } from './certificate-manager.ts';
import type { Issue } from './issuer.ts';
import {
  FAILED_FIRST_MS,
  ORDERS_AT_ONCE_MAX,
  REFUSED_RETRY_MS,
  RENEWAL_INFO_FIRST_MS,
  SUGGESTED_AGAIN_MS,
  UNREACHABLE_FIRST_MS,
} from './limits.ts';
import type { RenewalInfo } from './renewal-info.ts';
import { wantedNames } from './wanted-names.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const PLAIN: Issuance = { staging: false, onDemandUrl: null, ownCertificateId: null };

interface Waiting {
  readonly issue: Issue;
  readonly sign: () => void;
  readonly refuse: (error: unknown) => void;
}

/** A manager between a CA that does what the test says and workers that write down what they are told. */
class Stage {
  readonly clock = new ManualClock();
  readonly waiting: Waiting[] = [];
  readonly ordered: string[] = [];
  readonly served = new Map<string, string>();
  readonly removedFiles: string[] = [];
  saved: readonly RememberedFailure[] = [];
  renewalInfo: RenewalInfo | null = null;
  allowed = true;
  #count = 0;
  readonly manager: CertificateManager;

  constructor(
    readonly onDisk: readonly HeldCertificate[] = [],
    remembered: readonly RememberedFailure[] = [],
  ) {
    this.manager = new CertificateManager({
      files: { load: async () => this.onDisk, remove: async ({ id }) => void this.removedFiles.push(id) },
      backOffs: {
        load: async () => remembered,
        save: async (failures) => {
          this.saved = failures;
        },
      },
      publisher: {
        publish: async ({ put, remove }) => {
          for (const { id } of put) this.served.set(id, id);
          for (const id of remove) this.served.delete(id);
        },
        publishChallenge: async () => {},
        withdrawChallenge: async () => {},
      },
      issuer: {
        issue: (issue) => this.#issue(issue),
        renewalInfo: async () => this.renewalInfo,
        close: () => {},
      },
      isAllowed: async () => this.allowed,
      directoryUrls: { plain: 'https://ca/', staging: 'https://staging/' },
      clock: this.clock,
      log: silentLog,
      chance: () => 0.5,
    });
  }

  held(name: string, more: Partial<HeldCertificate> = {}): HeldCertificate {
    this.#count += 1;
    const now = this.clock.now();
    return {
      id: `${name}#${this.#count}`,
      name,
      names: [name],
      file: `/certs/${name}.pem`,
      issuer: 'CA',
      notBefore: now,
      notAfter: now + 90 * DAY_MS,
      directoryUrl: 'https://ca/',
      challenge: 'http-01',
      isOnDemand: false,
      ...more,
    };
  }

  #issue(issue: Issue): Promise<HeldCertificate> {
    this.ordered.push(issue.name);
    return new Promise((resolve, reject) => {
      const { name, directoryUrl, isOnDemand } = issue;
      const sign = (): void => resolve(this.held(name, { directoryUrl, isOnDemand }));
      this.waiting.push({ issue, sign, refuse: reject });
      issue.signal.addEventListener('abort', () => reject(issue.signal.reason));
    });
  }

  want(...hosts: string[]): void {
    this.manager.want(wanted(hosts));
  }

  async settle(): Promise<void> {
    await this.clock.advance(0);
  }

  async sign(): Promise<void> {
    for (const { sign } of this.waiting.splice(0)) sign();
    await this.settle();
  }

  async refuse(error: unknown): Promise<void> {
    for (const { refuse } of this.waiting.splice(0)) refuse(error);
    await this.settle();
  }

  kind(name: string): string | undefined {
    return this.manager.views.find((view) => view.name === name)?.state.kind;
  }
}

function wanted(hosts: readonly string[], issuance = PLAIN) {
  return wantedNames([{ name: 'shop', hosts, hasTls: true, issuance }]);
}

const dnsProblem = problemOf(400, { type: 'urn:ietf:params:acme:error:dns', detail: 'no such name' }, null);
const caaProblem = problemOf(403, { type: 'urn:ietf:params:acme:error:caa', detail: 'CAA forbids' }, null);

async function open(stage: Stage, ...hosts: string[]): Promise<Stage> {
  await stage.manager.load(wanted(hosts));
  stage.manager.open();
  await stage.settle();
  return stage;
}

test('each host is ordered once, and served when it is signed', async () => {
  const stage = await open(new Stage(), 'a.test', 'b.test');
  stage.want('a.test', 'b.test');
  expect(stage.ordered).toEqual(['a.test', 'b.test']);
  await stage.sign();
  expect([stage.kind('a.test'), [...stage.served.keys()]]).toEqual(['valid', ['a.test#1', 'b.test#2']]);
  expect(stage.manager.outcomes.get('issued')).toBe(2);
});

test('so many orders run at once, the others wait for their turn', async () => {
  const hosts = Array.from({ length: ORDERS_AT_ONCE_MAX + 2 }, (_, index) => `h${index}.test`);
  const stage = await open(new Stage(), ...hosts);
  expect(stage.ordered).toHaveLength(ORDERS_AT_ONCE_MAX);
  await stage.sign();
  expect(stage.ordered).toEqual(hosts);
});

test('what is on disk serves at once, and only what is wanted of it', async () => {
  const stage = new Stage();
  const kept = stage.held('a.test');
  const unwanted = stage.held('gone.test');
  const opened = await open(new Stage([kept, unwanted]), 'a.test');
  expect([opened.ordered, [...opened.served.keys()]]).toEqual([[], [kept.id]]);
  expect([opened.kind('a.test'), opened.kind('gone.test')]).toEqual(['valid', 'retired']);
});

test('at two thirds of its life it is renewed; the old one serves until the new one does, then its file goes', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.sign();
  await stage.clock.advance(60 * DAY_MS);
  expect(stage.ordered).toHaveLength(1);
  await stage.clock.advance(3 * DAY_MS);
  expect([stage.ordered.length, stage.kind('a.test'), [...stage.served.keys()]]).toEqual([
    2,
    'renewing',
    ['a.test#1'],
  ]);
  await stage.sign();
  expect([[...stage.served.keys()], stage.removedFiles]).toEqual([['a.test#2'], ['a.test#1']]);
  expect(stage.manager.outcomes.get('renewed')).toBe(1);
});

test('a CA that fails never takes away what is served, and is asked again, less and less often', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.sign();
  await stage.clock.advance(63 * DAY_MS);
  await stage.refuse(new LumaError('acme_unreachable', 'away'));
  expect([stage.kind('a.test'), [...stage.served.keys()]]).toEqual(['backing-off', ['a.test#1']]);
  await stage.clock.advance(UNREACHABLE_FIRST_MS - 1);
  expect(stage.ordered).toHaveLength(2);
  await stage.clock.advance(1);
  expect(stage.ordered).toHaveLength(3);
  await stage.refuse(dnsProblem);
  await stage.clock.advance(2 * FAILED_FIRST_MS - 1);
  expect(stage.ordered).toHaveLength(3);
  await stage.clock.advance(1);
  expect(stage.ordered).toHaveLength(4);
  await stage.sign();
  expect([stage.kind('a.test'), [...stage.served.keys()]]).toEqual(['valid', ['a.test#2']]);
});

test('a name that the CA refuses is left alone for a day, unless a person asks', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.refuse(caaProblem);
  expect(stage.kind('a.test')).toBe('refused');
  await stage.clock.advance(REFUSED_RETRY_MS - 1);
  expect(stage.ordered).toHaveLength(1);
  expect(stage.manager.renew('a.test')).toBe(true);
  await stage.settle();
  expect(stage.ordered).toHaveLength(2);
  expect(stage.manager.renew('never.test')).toBe(false);
});

test('a rate limit is waited for as long as the CA asks', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.refuse(problemOf(429, { type: 'urn:ietf:params:acme:error:rateLimited' }, 2 * DAY_MS));
  await stage.clock.advance(2 * DAY_MS - 1);
  expect(stage.ordered).toHaveLength(1);
  await stage.clock.advance(1);
  expect(stage.ordered).toHaveLength(2);
});

test('an order for a host that nobody wants any more is given up, and what comes of it is thrown away', async () => {
  const stage = await open(new Stage(), 'a.test');
  stage.want();
  await stage.settle();
  expect([stage.kind('a.test'), stage.manager.outcomes.get('abandoned')]).toEqual([undefined, 1]);
  expect(stage.saved).toEqual([]);
});

test('a host that comes back while its order is being given up is ordered once that has ended', async () => {
  const stage = await open(new Stage(), 'a.test');
  stage.want();
  stage.want('a.test');
  expect(stage.ordered).toHaveLength(1);
  await stage.settle();
  expect([stage.ordered.length, stage.kind('a.test')]).toEqual([2, 'ordering']);
});

test('a removed host’s certificate serves nobody, is not renewed, comes back with the host, and goes at its end', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.sign();
  stage.want();
  await stage.settle();
  expect([stage.kind('a.test'), stage.served.size, stage.removedFiles]).toEqual(['retired', 0, []]);
  stage.want('a.test');
  await stage.settle();
  expect([stage.kind('a.test'), stage.served.size, stage.ordered.length]).toEqual(['valid', 1, 1]);
  stage.want();
  await stage.clock.advance(91 * DAY_MS);
  expect([stage.kind('a.test'), stage.removedFiles, stage.ordered.length]).toEqual([
    undefined,
    ['a.test#1'],
    1,
  ]);
});

test('another CA orders anew, and the old one’s certificate serves until then', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.sign();
  stage.manager.want(wanted(['a.test'], { ...PLAIN, staging: true }));
  await stage.settle();
  expect(stage.waiting[0]?.issue.directoryUrl).toBe('https://staging/');
  expect([...stage.served.keys()]).toEqual(['a.test#1']);
  await stage.sign();
  expect([...stage.served.keys()]).toEqual(['a.test#2']);
});

test('a change of the CA during an order, or after a failure, orders from the other one at once', async () => {
  const stage = await open(new Stage(), 'a.test');
  stage.manager.want(wanted(['a.test'], { ...PLAIN, staging: true }));
  await stage.sign();
  expect(stage.waiting[0]?.issue.directoryUrl).toBe('https://staging/');
  await stage.refuse(caaProblem);
  stage.want('a.test');
  await stage.settle();
  // What is held is of the plain CA; still the person’s change asks for a new one, as `renew` would.
  expect(stage.waiting[0]?.issue.directoryUrl).toBe('https://ca/');
});

test('failures outlive the daemon: the next one does not ask the CA sooner', async () => {
  const first = await open(new Stage(), 'a.test');
  await first.refuse(dnsProblem);
  const second = await open(new Stage([], first.saved), 'a.test');
  expect([second.kind('a.test'), second.ordered]).toEqual(['backing-off', []]);
  await second.clock.advance(FAILED_FIRST_MS);
  expect(second.waiting[0]?.issue.failures).toBe(1);
});

test('a CA that wants a certificate replaced now gets its order now', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.sign();
  const now = stage.clock.now();
  stage.renewalInfo = { start: now - 2 * DAY_MS, end: now - DAY_MS, askAgainMs: DAY_MS };
  await stage.clock.advance(RENEWAL_INFO_FIRST_MS);
  expect([stage.kind('a.test'), stage.ordered.length]).toEqual(['renewing', 2]);
  // A CA that says so of the new one too is broken, and not obeyed for hours.
  await stage.sign();
  await stage.clock.advance(SUGGESTED_AGAIN_MS - 2 * RENEWAL_INFO_FIRST_MS);
  expect(stage.ordered).toHaveLength(2);
  await stage.clock.advance(2 * RENEWAL_INFO_FIRST_MS);
  expect(stage.ordered).toHaveLength(3);
});

test('a CA that suggests a later day is followed, and the plan does not move by being made again', async () => {
  const stage = await open(new Stage(), 'a.test');
  await stage.sign();
  const now = stage.clock.now();
  stage.renewalInfo = { start: now + 70 * DAY_MS, end: now + 72 * DAY_MS, askAgainMs: DAY_MS };
  await stage.clock.advance(70.9 * DAY_MS);
  expect(stage.ordered).toHaveLength(1);
  await stage.clock.advance(0.2 * DAY_MS);
  expect(stage.ordered).toHaveLength(2);
});

const ON_DEMAND = { ...PLAIN, onDemandUrl: 'http://ask/' };

test('a host on demand is ordered when a client comes, once for all who wait', async () => {
  const stage = new Stage();
  await stage.manager.load(wanted(['*.shop.test'], ON_DEMAND));
  stage.manager.open();
  expect(stage.ordered).toEqual([]);
  const both = Promise.all([stage.manager.demand('a.shop.test'), stage.manager.demand('a.shop.test')]);
  await stage.settle();
  expect(stage.ordered).toEqual(['a.shop.test']);
  await stage.sign();
  expect(await both).toEqual([true, true]);
  expect(await stage.manager.demand('a.shop.test')).toBe(true);
});

test('nothing is ordered for a host that no service has, or whose service says no', async () => {
  const stage = new Stage();
  await stage.manager.load(wanted(['*.shop.test'], ON_DEMAND));
  stage.manager.open();
  expect(await stage.manager.demand('other.test')).toBe(false);
  expect(await stage.manager.demand('a.b.shop.test')).toBe(false);
  stage.allowed = false;
  expect(await stage.manager.demand('a.shop.test')).toBe(false);
  expect(stage.ordered).toEqual([]);
});

test('a host on demand is asked about again before it is renewed', async () => {
  const stage = new Stage();
  await stage.manager.load(wanted(['*.shop.test'], ON_DEMAND));
  stage.manager.open();
  const demand = stage.manager.demand('a.shop.test');
  await stage.settle();
  await stage.sign();
  await demand;
  stage.allowed = false;
  await stage.clock.advance(63 * DAY_MS);
  expect([stage.kind('a.shop.test'), stage.ordered.length]).toEqual(['retired', 1]);
});

test('closing gives up what runs and leaves no timer', async () => {
  const stage = await open(new Stage(), 'a.test', 'b.test');
  await stage.sign();
  stage.want('a.test', 'b.test', 'c.test');
  stage.manager.close();
  await stage.settle();
  expect(stage.clock.armedCount).toBe(0);
});
