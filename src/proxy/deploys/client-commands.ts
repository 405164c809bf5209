/**
 * What people ask of the daemon by commands: deploy, remove, pause, resume, stop, options. Each changes the registry in
 * one turn, and resolves when it is true: every worker has it, it is on disk, what had to drain is quiet. Owns the options.
 */
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type {
  Deployed,
  OptionsRequest,
  OptionsStatus,
  ReadDeploy,
  Removed,
} from '../client/command-schema.ts';
import type { ServiceStatus } from '../client/status-schema.ts';
import {
  CHECKS_AT_ONCE_MAX,
  COMMANDS_MAX,
  CUT_TIMEOUT_MS,
  DRAIN_PERIOD_MS,
  HAND_OVER_DRAIN_MS,
} from '../limits.ts';
import type { DeployedTarget, DeployedTraffic, Deployment } from '../services/deployment.ts';
import { targetsOf } from '../services/deployment.ts';
import type { Departed } from '../services/drain-watch.ts';
import type { GlobalOptions } from '../services/global-options.ts';
import { effective } from '../services/global-options.ts';
import { CLIENT_OWNER, serviceTaken, unknownService } from '../services/refusals.ts';
import type { Registry } from '../services/registry.ts';
import type { ServiceEntry } from '../services/service-entry.ts';
import { addressText } from '../workers/listening-socket.ts';
import { deploymentOf } from './deployment-request.ts';
import { waitUntilHealthy } from './health-check.ts';
import { inBatches } from './in-batches.ts';

export interface ClientCommandsParts {
  readonly registry: () => Registry;
  readonly statusOf: (entry: ServiceEntry) => ServiceStatus;
  readonly options: GlobalOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when every worker acts by the table as it is now. */
  readonly acknowledged: () => Promise<void>;
  /** Resolves when everything up to now is on disk; rejects with `state_not_saved`. */
  readonly save: () => Promise<void>;
  /** Tells every worker to end what runs on targets that have left. */
  readonly cut: (service: string, targetIds: readonly string[]) => void;
}

export class ClientCommands {
  readonly #parts: ClientCommandsParts;
  #options: GlobalOptions;
  #runningCount = 0;
  /** Aborted when the daemon hands over or stops: nothing new is begun, and what waits is told. */
  readonly #leaving = new AbortController();
  #isHurried = false;

  constructor(parts: ClientCommandsParts) {
    this.#parts = parts;
    this.#options = parts.options;
  }

  get options(): GlobalOptions {
    return this.#options;
  }

  /** Checks end as refused, retryable; drains go on for a moment longer. */
  leave(reason: LumaError): void {
    this.#leaving.abort(reason);
    this.#parts.clock.after(HAND_OVER_DRAIN_MS, () => {
      this.#isHurried = true;
    });
  }

  deploy(name: string, wanted: ReadDeploy, signal: AbortSignal): Promise<Deployed> {
    return this.#run(async () => {
      const { registry, statusOf } = this.#parts;
      // Refused before anybody waits for a health check.
      registry().checkDeployment(name, this.#deploymentOf(name, wanted));
      if (!wanted.force) await this.#check(wanted, signal);
      this.#refuseLeaving();
      const before = allTargets(registry().find(name));
      const deployment = this.#deploymentOf(name, wanted);
      registry().deploy(name, deployment);
      const entry = this.#owned(name);
      const left = before.filter(({ id }) => !targetsOf(deployment).some((target) => target.id === id));
      await this.#settle();
      const cut = await this.#drain(
        name,
        left.map(({ id }) => id),
        wanted.drain_timeout_ms,
      );
      const replaced = left.map(({ host, port }) => addressText({ hostname: host, port }));
      return { service: statusOf(entry), replaced, cut };
    });
  }

  remove(name: string, drainTimeoutMs: number | undefined): Promise<Removed> {
    return this.#run(async () => {
      const { registry } = this.#parts;
      const targets = allTargets(this.#owned(name));
      registry().remove(CLIENT_OWNER, name);
      await this.#settle();
      const cut = await this.#drain(
        name,
        targets.map(({ id }) => id),
        drainTimeoutMs,
      );
      return { service: null, cut };
    });
  }

  removeHost(name: string, host: string): Promise<Removed> {
    return this.#run(async () => {
      const deployment = this.#deployed(name);
      const known = host === '*' ? '' : host.toLowerCase();
      if (!deployment.hosts.includes(known)) throw hostNotThere(name, host);
      const hosts = deployment.hosts.filter((other) => other !== known);
      if (hosts.length === 0) throw lastHost(name, host);
      const entry = this.#owned(name);
      this.#parts.registry().deploy(name, { ...deployment, hosts });
      await this.#settle();
      return { service: this.#parts.statusOf(entry), cut: 0 };
    });
  }

  pause(name: string, wanted: { max_pause_ms?: number | undefined; drain_timeout_ms?: number | undefined }) {
    const maxPauseMs = wanted.max_pause_ms ?? effective(this.#options).maxPauseMs;
    return this.#direct(name, { kind: 'paused', maxPauseMs }, wanted.drain_timeout_ms);
  }

  stop(name: string, wanted: { message: string; drain_timeout_ms?: number | undefined }) {
    return this.#direct(name, { kind: 'stopped', message: wanted.message }, wanted.drain_timeout_ms);
  }

  resume(name: string): Promise<ServiceStatus> {
    return this.#direct(name, { kind: 'forward' }, 0);
  }

  optionsStatus(): OptionsStatus {
    const { deployTimeoutMs, drainTimeoutMs, maxPauseMs, letsEncryptEmail } = effective(this.#options);
    return {
      deploy_timeout_ms: deployTimeoutMs,
      drain_timeout_ms: drainTimeoutMs,
      max_pause_ms: maxPauseMs,
      lets_encrypt_email: letsEncryptEmail,
    };
  }

  setOptions(wanted: OptionsRequest): Promise<OptionsStatus> {
    return this.#run(async () => {
      const { deploy_timeout_ms: deploy, drain_timeout_ms: drain, max_pause_ms: pause } = wanted;
      const { lets_encrypt_email: email } = wanted;
      const now = this.#options;
      this.#options = {
        deployTimeoutMs: deploy === undefined ? now.deployTimeoutMs : deploy,
        drainTimeoutMs: drain === undefined ? now.drainTimeoutMs : drain,
        maxPauseMs: pause === undefined ? now.maxPauseMs : pause,
        letsEncryptEmail: email === undefined ? now.letsEncryptEmail : email,
      };
      await this.#parts.save();
      return this.optionsStatus();
    });
  }

  // ---- the inside

  async #run<T>(command: () => Promise<T>): Promise<T> {
    this.#refuseLeaving();
    if (this.#runningCount >= COMMANDS_MAX) throw tooManyCommands();
    this.#runningCount += 1;
    try {
      return await command();
    } finally {
      this.#runningCount -= 1;
    }
  }

  #refuseLeaving(): void {
    if (this.#leaving.signal.aborted) throw this.#leaving.signal.reason;
  }

  /** Of a client: a service of a control plane is changed there. */
  #owned(name: string): ServiceEntry {
    const entry = this.#parts.registry().find(name);
    if (!entry) throw unknownService(name);
    if (entry.owner !== CLIENT_OWNER) throw serviceTaken(name, entry.owner);
    return entry;
  }

  #deployed(name: string): Deployment {
    const { deployment } = this.#owned(name);
    if (!deployment) throw unknownService(name);
    return deployment;
  }

  #deploymentOf(name: string, wanted: ReadDeploy): Deployment {
    return deploymentOf(wanted, this.#parts.registry().find(name)?.deployment ?? null);
  }

  async #check(wanted: ReadDeploy, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const timeoutMs = wanted.deploy_timeout_ms ?? effective(this.#options).deployTimeoutMs;
    const { targets, healthCheck } = this.#deploymentOf('', wanted);
    // The first that is ill ends the checks of the others.
    const enough = new AbortController();
    const ends = AbortSignal.any([signal, enough.signal, this.#leaving.signal]);
    const check = (target: (typeof targets)[number]): Promise<void> =>
      waitUntilHealthy(target, healthCheck, { clock, timeoutMs, signal: ends });
    try {
      await inBatches(targets, CHECKS_AT_ONCE_MAX, check);
    } finally {
      enough.abort();
    }
  }

  #direct(
    name: string,
    traffic: DeployedTraffic,
    drainTimeoutMs = effective(this.#options).drainTimeoutMs,
  ): Promise<ServiceStatus> {
    return this.#run(async () => {
      const entry = this.#owned(name);
      this.#parts.registry().deploy(name, { ...this.#deployed(name), traffic });
      await this.#settle();
      if (traffic.kind !== 'forward') await this.#quiet(name, drainTimeoutMs);
      return this.#parts.statusOf(entry);
    });
  }

  /** Every worker has it, and so has the disk. */
  async #settle(): Promise<void> {
    await Promise.all([this.#parts.acknowledged(), this.#parts.save()]);
  }

  /** Until nothing runs on the service, or the time is over: then what runs goes on, and the answer says how much. */
  async #quiet(name: string, timeoutMs: number): Promise<void> {
    const { registry } = this.#parts;
    await this.#until(timeoutMs, () => {
      const entry = registry().find(name);
      return !entry || registry().runner.activity(entry).inFlight === 0;
    });
  }

  /** Resolves with the number of exchanges that were cut. */
  async #drain(
    name: string,
    targetIds: readonly string[],
    timeoutMs = effective(this.#options).drainTimeoutMs,
  ): Promise<number> {
    const { registry, cut } = this.#parts;
    const left = (): Departed[] => {
      const { drains } = registry();
      drains.sweep();
      return drains.of(name).filter(({ targetId }) => targetIds.includes(targetId));
    };
    const running = (): number => left().reduce((sum, target) => sum + registry().drains.inFlight(target), 0);
    await this.#until(timeoutMs, () => running() === 0);
    const count = running();
    if (count === 0 || this.#isHurried) return 0;
    cut(
      name,
      left().map(({ targetId }) => targetId),
    );
    await this.#until(CUT_TIMEOUT_MS, () => running() === 0);
    return count;
  }

  async #until(timeoutMs: number, isTrue: () => boolean): Promise<void> {
    const { clock } = this.#parts;
    const deadlineMs = clock.monotonic() + timeoutMs;
    while (!isTrue() && !this.#isHurried && clock.monotonic() < deadlineMs)
      await delay(clock, DRAIN_PERIOD_MS);
  }
}

function allTargets(entry: ServiceEntry | undefined): readonly DeployedTarget[] {
  return entry?.deployment ? targetsOf(entry.deployment) : [];
}

function hostNotThere(name: string, host: string): LumaError {
  return new LumaError('host_not_found', `the service ${name} has no host ${host}`, {
    hint: `luma-proxy get-service ${name} shows those it has`,
  });
}

function lastHost(name: string, host: string): LumaError {
  return new LumaError('last_host', `${host} is the only host of ${name}: without it nobody could reach it`, {
    hint: `remove the whole service with: luma-proxy remove ${name}`,
  });
}

function tooManyCommands(): LumaError {
  return new LumaError('too_many_commands', `${COMMANDS_MAX} commands are under way already`, {
    hint: 'try again when some of them are done',
  });
}
