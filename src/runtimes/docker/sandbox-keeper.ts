/**
 * Keeps sandboxes up while nobody waits for them, one after the other and while nothing starts: made when an instance is
 * prepared, started again when they ended, removed when their instance is gone. A wake never waits for any of this: it does
 * the same for its own sandbox at once. Owns the order of this work, and when which sandbox was started again.
 */
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Mailbox } from '../../base/mailbox.ts';
import { isUp } from './container-state.ts';
import type { Containers } from './containers.ts';
import { connectionOf } from './cut-off.ts';
import { networkOf, ownAddress } from './instance-address.ts';
import type { InstanceStarter } from './instance-starter.ts';
import { labels } from './labels.ts';
import { limits } from './limits.ts';
import { sandboxOwnerOf } from './sandbox-config.ts';
import type { SandboxRegister } from './sandbox-register.ts';
import { isSandbox, type Sandboxes } from './sandboxes.ts';
import type { StartsUnderWay } from './starts-under-way.ts';

/** An instance, and since when it sleeps: milliseconds since the Unix epoch, null while it runs. */
export interface Seen {
  readonly instanceId: string;
  readonly sleepsSince: number | null;
}

export interface KeeperParts {
  readonly containers: Containers;
  readonly sandboxes: Sandboxes;
  readonly register: SandboxRegister;
  readonly starter: InstanceStarter;
  readonly starts: StartsUnderWay;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs the task after all earlier ones of this instance. */
  readonly post: (instanceId: string, task: () => Promise<void>) => Promise<void>;
}

export class SandboxKeeper {
  readonly #parts: KeeperParts;
  /** Both outside the instances' mailboxes, so that no mailbox ever waits for them. */
  readonly #ahead = new Mailbox({ name: 'sandboxes made ahead', waitingMax: limits.sandboxesMost });
  readonly #mending = new Mailbox({ name: 'sandboxes to mend', waitingMax: limits.sandboxesMost * 2 });
  readonly #timers = new Map<string, Timer>();
  readonly #mendedAt = new Map<string, number>();
  #isClosed = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Compares what was found with what should be: after a start, and after the engine was away. */
  take(sandboxes: readonly ContainerInfo[], observed: readonly Seen[]): void {
    const { register } = this.#parts;
    const found = new Set<string>();
    const sleeps = new Map(observed.map(({ instanceId, sleepsSince }) => [instanceId, sleepsSince]));
    for (const info of sandboxes.filter(isSandbox)) {
      const instanceId = info.Labels[labels.sandbox] ?? '';
      const sleepsSince = sleeps.get(instanceId);
      if (sleepsSince === undefined) {
        this.removeSoon(instanceId);
        continue;
      }
      if (!register.has(instanceId)) register.add(instanceId, sleepsSince);
      if (isUp({ Status: info.State })) found.add(instanceId);
    }
    for (const instanceId of register.instanceIds()) if (!found.has(instanceId)) this.startSoon(instanceId);
    this.#parts.sandboxes.trim();
  }

  /** For an instance that was prepared; where there is no room, or a wake comes first, the wake makes the sandbox. */
  makeAheadSoon(instanceId: string): void {
    const { register } = this.#parts;
    this.#inBackground(this.#ahead, instanceId, 'made ahead', async () => {
      if (register.has(instanceId) || register.hasRoom) await this.#ensure(instanceId);
    });
  }

  /** It ended while its engine went on, or was found so. */
  startSoon(instanceId: string): void {
    const { clock, register } = this.#parts;
    if (this.#isClosed || !register.has(instanceId) || this.#timers.has(instanceId)) return;
    const fire = (): void => {
      this.#timers.delete(instanceId);
      this.#startAgain(instanceId);
    };
    this.#timers.set(instanceId, clock.after(limits.mendAfterMs, fire));
  }

  /** Of an instance that is no more, if it really is not. */
  removeSoon(instanceId: string): void {
    const { containers, sandboxes } = this.#parts;
    this.#inBackground(this.#mending, instanceId, 'removed', async () => {
      if ((await containers.find(instanceId)) === null) await sandboxes.remove(instanceId);
    });
  }

  /** The sandbox ended, or has no network any more: an instance that runs in it is out of reach from now on. */
  endCutOffSoon(instanceId: string): void {
    const { sandboxes, starter, post, log } = this.#parts;
    const end = async (): Promise<void> => {
      const info = await this.#instance(instanceId);
      if (!info || !isUp(info.State) || !sandboxOwnerOf(info)) return;
      const sandbox = await sandboxes.inspect(instanceId);
      const isBare = sandbox !== null && ownAddress(networkOf(sandbox)) === null;
      if (isBare || connectionOf(info, sandbox) !== 'joined') await starter.endCutOff(info);
    };
    post(instanceId, end).catch((error: unknown) => {
      log.warn('an instance without a network could not be ended', {
        instance: instanceId,
        reason: messageOf(error),
      });
    });
  }

  /** Nothing is begun from now on; what is under way ends by itself (see `whenStill`). */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#ahead.close();
    this.#mending.close();
  }

  /** After `close`: resolves when nothing is made, started or removed any more. */
  async whenStill(): Promise<void> {
    await Promise.all([this.#ahead.whenIdle(), this.#mending.whenIdle()]);
  }

  #startAgain(instanceId: string): void {
    const { clock, register } = this.#parts;
    for (const id of this.#mendedAt.keys()) if (!register.has(id)) this.#mendedAt.delete(id);
    const mendedAt = this.#mendedAt.get(instanceId);
    if (mendedAt !== undefined && clock.monotonic() - mendedAt < limits.mendAgainMs) return;
    this.#mendedAt.set(instanceId, clock.monotonic());
    this.#inBackground(this.#mending, instanceId, 'started', async () => {
      if (register.has(instanceId)) await this.#ensure(instanceId);
    });
  }

  async #ensure(instanceId: string): Promise<void> {
    const { register, sandboxes } = this.#parts;
    const info = await this.#instance(instanceId);
    const owner = info && sandboxOwnerOf(info);
    if (owner) await sandboxes.ensure(owner, 'ahead');
    else register.drop(instanceId);
  }

  async #instance(instanceId: string): Promise<ContainerInspectInfo | null> {
    const { containers } = this.#parts;
    const id = await containers.find(instanceId);
    return id === null ? null : containers.tryInspect(id);
  }

  #inBackground(mailbox: Mailbox, instanceId: string, what: string, task: () => Promise<void>): void {
    if (this.#isClosed) return;
    const { post, log, starts } = this.#parts;
    const done = mailbox.post(async () => {
      await starts.whenNone(limits.stillMs);
      if (!this.#isClosed) await post(instanceId, task);
    });
    done.catch((error: unknown) => {
      if (this.#isClosed) return;
      log.warn(`a sandbox could not be ${what}`, {
        instance: instanceId,
        reason: messageOf(error),
      });
    });
  }
}
