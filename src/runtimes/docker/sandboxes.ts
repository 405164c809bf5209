/**
 * The sandboxes of one installation: per instance one small container that always runs and keeps the network in
 * which the instance's own container starts. The engine owns them, the register says which there should be.
 * Calls for one instance are made in its mailbox, one after the other.
 */
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { type Clock, delay } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ContainerCalls } from './container-calls.ts';
import { isUp } from './container-state.ts';
import { statusOf } from './engine.ts';
import { labels, sandboxName } from './labels.ts';
import { limits } from './limits.ts';
import { isGone, isLeftover, nameTaken, startRefused, withRoomHint } from './refusals.ts';
import { type SandboxOwner, sandboxConfig } from './sandbox-config.ts';
import { isSandboxImage, type SandboxImage } from './sandbox-image.ts';
import type { SandboxRegister } from './sandbox-register.ts';

export interface SandboxesParts {
  readonly installationId: string;
  readonly calls: ContainerCalls;
  readonly image: SandboxImage;
  readonly register: SandboxRegister;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs the task after all earlier ones of this instance. */
  readonly post: (instanceId: string, task: () => Promise<void>) => Promise<void>;
  /** Whether the instance's own container is up, whoever started it. */
  readonly isAwake: (instanceId: string) => Promise<boolean>;
}

export class Sandboxes {
  readonly #parts: SandboxesParts;

  constructor(parts: SandboxesParts) {
    this.#parts = parts;
  }

  /** Null where there is none; one that was renamed by hand still serves an instance that runs in it. */
  async inspect(instanceId: string): Promise<ContainerInspectInfo | null> {
    const { calls } = this.#parts;
    const named = await calls.tryInspect(sandboxName(instanceId));
    if (named && this.#isOurs(named, instanceId)) return named;
    const [renamed] = await this.#find(instanceId);
    return renamed ? calls.tryInspect(renamed.Id) : null;
  }

  /** It is up when this resolves, with true if that took a change. Who wakes has one whatever the limit says. */
  async ensure(owner: SandboxOwner, why: 'wake' | 'ahead'): Promise<boolean> {
    const { instanceId } = owner;
    const { calls, register, clock } = this.#parts;
    const info = await calls.tryInspect(sandboxName(instanceId));
    if (info && !this.#isOurs(info, instanceId)) throw nameTaken(sandboxName(instanceId));
    if (!register.has(instanceId)) {
      register.add(instanceId, why === 'wake' ? null : clock.now());
      for (const going of register.dropExcess()) this.#giveUp(going);
    }
    if (info && isUp(info.State)) return false;
    try {
      await this.#start(owner, info);
    } catch (error) {
      register.drop(instanceId);
      throw error;
    }
    return true;
  }

  /** Every container that is this instance's sandbox, under whatever name. */
  async remove(instanceId: string): Promise<void> {
    this.#parts.register.drop(instanceId);
    await this.#removeAll(instanceId);
  }

  /** Tells those of sleeping instances to end. They stay, and are started again by the next Luma. */
  async rest(sandboxes: readonly ContainerInfo[]): Promise<void> {
    const { calls, isAwake } = this.#parts;
    const queue = sandboxes.filter((one) => isSandbox(one) && isUp({ Status: one.State }));
    const work = async (): Promise<void> => {
      for (let one = queue.shift(); one; one = queue.shift()) {
        if (await isAwake(one.Labels[labels.sandbox] ?? '')) continue;
        const refusal = await calls.change('end a sandbox', one.Id, (container, abortSignal) =>
          container.kill({ signal: 'SIGTERM', abortSignal }),
        );
        // 409: it has ended already.
        if (refusal && !isGone(refusal) && statusOf(refusal) !== 409) throw refusal;
      }
    };
    await Promise.all(Array.from({ length: limits.inspectsAtOnce }, work));
  }

  /** Gives up what is more than there may be, in the background. */
  trim(): void {
    for (const going of this.#parts.register.dropExcess()) this.#giveUp(going);
  }

  async #start(owner: SandboxOwner, info: ContainerInspectInfo | null): Promise<void> {
    const { calls } = this.#parts;
    const isWhole = info && !info.State.Dead && info.State.Status !== 'removing';
    if (isWhole) {
      const refusal = await calls.start('start a sandbox', info.Id);
      if (!refusal) return;
      // What a killed engine lost track of never starts again.
      if (!isGone(refusal) && !isLeftover(refusal)) throw startRefused(refusal);
    }
    await this.#removeAll(owner.instanceId);
    const refusal = await calls.start('start a sandbox', await this.#create(owner));
    if (refusal) throw startRefused(refusal);
  }

  async #create(owner: SandboxOwner): Promise<string> {
    const { installationId, calls, image } = this.#parts;
    const create = async (): Promise<string> =>
      calls.create(sandboxConfig(installationId, owner, await image.ensure()));
    try {
      return await create();
    } catch (error) {
      if (statusOf(error) === 409) return this.#madeMeanwhile(owner.instanceId, error);
      if (!isGone(error)) throw withRoomHint(error);
      // Somebody removed the image: an `image prune` takes what no container uses.
      image.forget();
      return await create();
    }
  }

  /** By a Luma that is on its way out, or by a call whose answer was lost; a stranger has the name otherwise. */
  async #madeMeanwhile(instanceId: string, refusal: unknown): Promise<string> {
    const { calls, clock } = this.#parts;
    const name = sandboxName(instanceId);
    const lastLookMs = clock.monotonic() + limits.nameMs;
    let info = await calls.tryInspect(name);
    // A name is taken some time before there is a container of it.
    while (!info && clock.monotonic() < lastLookMs) {
      await delay(clock, limits.nameLookMs);
      info = await calls.tryInspect(name);
    }
    if (info && this.#isOurs(info, instanceId)) return info.Id;
    throw nameTaken(name, refusal);
  }

  async #removeAll(instanceId: string): Promise<void> {
    for (const { Id } of await this.#find(instanceId)) await this.#parts.calls.remove(Id);
  }

  /** The instance may wake before its turn comes: then it keeps the sandbox, or has made it anew. */
  #giveUp(instanceId: string): void {
    const { register, post, isAwake, log } = this.#parts;
    const giveUp = async (): Promise<void> => {
      if (register.has(instanceId)) return;
      if (await isAwake(instanceId)) register.add(instanceId, null);
      else await this.#removeAll(instanceId);
    };
    post(instanceId, giveUp).catch((error: unknown) => {
      log.warn('a sandbox could not be removed', { instanceId, reason: messageOf(error) });
    });
  }

  /** A copy that somebody made of one, from an image of their own, is not ours. */
  async #find(instanceId: string): Promise<ContainerInfo[]> {
    const { installationId, calls } = this.#parts;
    const found = await calls.list([
      `${labels.installation}=${installationId}`,
      `${labels.sandbox}=${instanceId}`,
    ]);
    return found.filter(isSandbox);
  }

  #isOurs({ Config }: ContainerInspectInfo, instanceId: string): boolean {
    return (
      Config.Labels[labels.installation] === this.#parts.installationId &&
      Config.Labels[labels.sandbox] === instanceId
    );
  }
}

/** The engine shows the image's id instead of its name once the name is gone. */
export function isSandbox({ Image, Names, Labels }: ContainerInfo): boolean {
  const hasGivenName = Names.includes(`/${sandboxName(Labels[labels.sandbox] ?? '')}`);
  return hasGivenName || isSandboxImage(Image);
}
