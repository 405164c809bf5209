/** What containers say of their instances: state, address, exit. Owns nothing. */
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import type { FailedChecks, ObservedInstance } from '../contract.ts';
import { exitOf, observedState } from './container-state.ts';
import type { Containers } from './containers.ts';
import type { InstanceNetwork } from './instance-network.ts';
import { labels } from './labels.ts';

export class Observation {
  readonly #containers: Containers;
  readonly #network: InstanceNetwork;

  constructor(containers: Containers, network: InstanceNetwork) {
    this.#containers = containers;
    this.#network = network;
  }

  /**
   * The engine tells of an end a moment before its listing knows: whoever lists because of the event would
   * find it running. An inspection waits for the engine to have finished; only "created" needs none.
   */
  async observe(listed: ContainerInfo): Promise<ObservedInstance | null> {
    const instance = {
      instanceId: listed.Labels[labels.instance] ?? '',
      project: listed.Labels[labels.project] ?? '',
      revision: Number(listed.Labels[labels.revision]),
    };
    if (observedState({ Status: listed.State }) === 'prepared') return { ...instance, state: 'prepared' };
    const info = await this.#containers.tryInspect(listed.Id);
    if (!info) return null;
    const state = observedState(info.State);
    const exit = exitOf(info.State);
    const isRunning = state === 'running' || state === 'frozen';
    const place = isRunning ? await this.#network.place(info) : null;
    const failedChecks = state === 'running' ? failedChecksOf(info) : null;
    return {
      ...instance,
      state,
      ...(place?.kind === 'at' && { address: place.address }),
      ...(exit && { exit }),
      ...(failedChecks && { failedChecks }),
    };
  }
}

/** Docker's own, where the image does not say. */
const RETRIES_DEFAULT = 3;

function failedChecksOf({ State, Config }: ContainerInspectInfo): FailedChecks | null {
  if (State.Health?.Status !== 'unhealthy') return null;
  const threshold = Config.Healthcheck?.Retries || RETRIES_DEFAULT;
  return { count: State.Health.FailingStreak, threshold };
}
