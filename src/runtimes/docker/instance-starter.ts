/**
 * Starts and thaws one instance: a wake. The sandbox is there, so one start is all; where it is not, or was
 * started anew, both are put right within the same wake. Runs in the instance's mailbox; owns nothing.
 */
import type { ContainerInspectInfo } from 'dockerode';
import { LumaError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { InstanceAddress } from '../contract.ts';
import { exitOf, isUp } from './container-state.ts';
import type { Containers } from './containers.ts';
import { statusOf } from './engine.ts';
import type { InstanceLogs } from './instance-logs.ts';
import type { InstanceNetwork } from './instance-network.ts';
import type { KnownAddresses } from './known-addresses.ts';
import { labels } from './labels.ts';
import { limits } from './limits.ts';
import { initComplaint, noProgram } from './program-check.ts';
import {
  changeRefused,
  instanceExited,
  instanceNotFound,
  isGone,
  isLeftover,
  startRefused,
} from './refusals.ts';
import { sandboxOwnerOf } from './sandbox-config.ts';
import type { SandboxRegister } from './sandbox-register.ts';
import type { Sandboxes } from './sandboxes.ts';

export interface StarterParts {
  readonly containers: Containers;
  readonly sandboxes: Sandboxes;
  readonly register: SandboxRegister;
  readonly network: InstanceNetwork;
  readonly logs: InstanceLogs;
  readonly addresses: KnownAddresses;
  readonly log: Log;
}

export class InstanceStarter {
  readonly #parts: StarterParts;

  constructor(parts: StarterParts) {
    this.#parts = parts;
  }

  async start(instanceId: string): Promise<InstanceAddress> {
    const { containers, register } = this.#parts;
    const id = await containers.known(instanceId);
    // It gave its sandbox up: the engine would refuse, and take its time for it.
    if (!register.has(instanceId)) await this.#ensureSandbox(await this.#inspect(instanceId, id));
    register.noteAwake(instanceId);
    const refusal = await containers.start(id);
    if (!refusal) return this.#startedAddress(instanceId, id);
    return this.#startAfter(refusal, await this.#inspect(instanceId, id));
  }

  async thaw(instanceId: string): Promise<InstanceAddress> {
    const { containers } = this.#parts;
    const id = await containers.known(instanceId);
    const refusal = await containers.change('thaw an instance', id, (one) => one.unpause());
    if (refusal && isGone(refusal)) throw this.#gone(instanceId);
    // What was frozen until now is where it was when it started, unless its sandbox has ended since.
    const known = refusal ? null : this.#parts.addresses.find(instanceId);
    if (known) return known;
    const [info, sandbox] = await this.#inspectBoth(instanceId, id);
    // The engine answers 500 for "was not paused": the state tells what is true.
    const isAwake = info.State.Running && !info.State.Paused;
    if (refusal && !isAwake) throw changeRefused(instanceId, info, refusal);
    return this.#address(info, sandbox);
  }

  /** An instance that nobody can reach any more, because its sandbox ended under it. */
  async endCutOff(info: ContainerInspectInfo): Promise<void> {
    const { containers, log } = this.#parts;
    log.warn('an instance lost its network, because its sandbox ended or lost its own; it is ended too', {
      container: info.Name.slice(1),
    });
    // The client's types lack this one. Its own shutdown is the app's right, network or not.
    const t = (info.Config as { StopTimeout?: number }).StopTimeout ?? 10;
    const refusal = await containers.change(
      'stop an instance without a network',
      info.Id,
      (one, abortSignal) => one.stop({ t, abortSignal }),
      t * 1_000 + limits.stopMarginMs,
    );
    if (refusal && !isGone(refusal)) throw refusal;
  }

  /** The engine refused: frozen, without a sandbox, or for a reason of the app's own. */
  async #startAfter(refusal: LumaError, info: ContainerInspectInfo): Promise<InstanceAddress> {
    const { containers, sandboxes } = this.#parts;
    const instanceId = instanceIdOf(info);
    if (info.State.Paused) return this.thaw(instanceId);
    if (isLeftover(refusal)) throw await this.#abandon(info);
    // 409: its sandbox did not run, although it may by now.
    const isRepaired = await this.#ensureSandbox(info);
    if (!isRepaired && statusOf(refusal) !== 409) throw startRefused(refusal);
    let again = await containers.start(info.Id);
    if (again && (await this.#hasNoSandbox(instanceId))) {
      // Docker 26 ends what it lost track of as it starts the same container again, and takes that for the end of the new one.
      await sandboxes.remove(instanceId);
      await this.#ensureSandbox(info);
      again = await containers.start(info.Id);
    }
    if (again) throw isGone(again) ? this.#gone(instanceId) : startRefused(again);
    return this.#startedAddress(instanceId, info.Id);
  }

  /** It ended as soon as it was started. */
  async #hasNoSandbox(instanceId: string): Promise<boolean> {
    const sandbox = await this.#parts.sandboxes.inspect(instanceId);
    return sandbox === null || !isUp(sandbox.State);
  }

  async #startedAddress(instanceId: string, id: string): Promise<InstanceAddress> {
    const [info, sandbox] = await this.#inspectBoth(instanceId, id);
    if (info.State.Paused) return this.thaw(instanceId);
    if (!info.State.Running) {
      // It may have run in the network of a stranger who took the sandbox's name: then that is the reason.
      if (!sandbox) await this.#ensureSandbox(info);
      throw await this.#explainExit(instanceId, info);
    }
    return this.#address(info, sandbox);
  }

  async #address(info: ContainerInspectInfo, sandbox: ContainerInspectInfo | null): Promise<InstanceAddress> {
    const { network, addresses } = this.#parts;
    const place = await network.placeWith(info, sandbox);
    if (place.kind === 'at') return addresses.learn(instanceIdOf(info), place.address);
    if (place.kind === 'none' && !sandboxOwnerOf(info)) throw withoutAddress(instanceIdOf(info));
    return this.#startAnew(info, place.kind === 'none');
  }

  /** `isBare`: its sandbox runs without a network, taken by hand or by a crash of the engine, and gets none any more. */
  async #startAnew(info: ContainerInspectInfo, isBare: boolean): Promise<InstanceAddress> {
    const { containers, network, sandboxes } = this.#parts;
    const instanceId = instanceIdOf(info);
    await this.endCutOff(info);
    if (isBare) await sandboxes.remove(instanceId);
    await this.#ensureSandbox(info);
    const refusal = await containers.start(info.Id);
    if (refusal) throw isGone(refusal) ? this.#gone(instanceId) : startRefused(refusal);
    const started = await this.#inspect(instanceId, info.Id);
    if (!isUp(started.State)) throw await this.#explainExit(instanceId, started);
    const place = await network.place(started);
    if (place.kind === 'at') return place.address;
    throw withoutAddress(instanceId);
  }

  /** True where something was changed. */
  async #ensureSandbox(info: ContainerInspectInfo): Promise<boolean> {
    const owner = sandboxOwnerOf(info);
    return owner !== null && (await this.#parts.sandboxes.ensure(owner, 'wake'));
  }

  #inspect(instanceId: string, id: string): Promise<ContainerInspectInfo> {
    return this.#parts.containers.inspect(instanceId, id);
  }

  #inspectBoth(instanceId: string, id: string): Promise<[ContainerInspectInfo, ContainerInspectInfo | null]> {
    return Promise.all([this.#inspect(instanceId, id), this.#parts.sandboxes.inspect(instanceId)]);
  }

  async #explainExit(instanceId: string, info: ContainerInspectInfo): Promise<LumaError> {
    const exit = exitOf(info.State);
    if (exit?.code === 127 || exit?.code === 126) {
      let text = '';
      for await (const line of this.#parts.logs.read(instanceId, { tail: 10 })) text += `${line.text}\n`;
      const complaint = initComplaint(text);
      if (complaint) return noProgram(info.Path, complaint);
    }
    return instanceExited(instanceId, exit);
  }

  /** No start of this container can work again, not even after a restart of the engine: the wake makes another one. */
  async #abandon(info: ContainerInspectInfo): Promise<LumaError> {
    const { containers, log } = this.#parts;
    const instanceId = instanceIdOf(info);
    log.warn('Docker lost track of a container when it was killed; it is made again', {
      container: info.Name.slice(1),
    });
    await containers.remove(instanceId, info.Id);
    return this.#gone(instanceId);
  }

  #gone(instanceId: string): LumaError {
    this.#parts.containers.forget(instanceId);
    return instanceNotFound(instanceId);
  }
}

function instanceIdOf({ Config }: ContainerInspectInfo): string {
  return Config.Labels[labels.instance] ?? '';
}

function withoutAddress(instanceId: string): LumaError {
  return new LumaError('runtime_failed', `instance ${instanceId} runs, but has no network address`, {
    hint: 'it was cut off by hand, or its network is gone: deploy the project again',
  });
}
