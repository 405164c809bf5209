/**
 * What people ask of the daemon by commands: deploy, remove, pause, resume, stop, options. Each changes the registry in
 * one turn, and resolves when it is true: every worker has it, it is on disk, what had to drain is quiet. Owns the options.
 */
import { LumaError } from '../../base/errors.ts';
import type { CertificateStatus } from '../client/certificate-schema.ts';
import type {
  Deployed,
  OptionsRequest,
  OptionsStatus,
  PauseRequest,
  ReadDeploy,
  ReadRolloutDeploy,
  Removed,
  RolloutSetRequest,
} from '../client/command-schema.ts';
import type { ServiceStatus } from '../client/status-schema.ts';
import { CHECKS_AT_ONCE_MAX, COMMANDS_MAX, HAND_OVER_DRAIN_MS } from '../limits.ts';
import type { DeployedTarget, DeployedTraffic, Deployment } from '../services/deployment.ts';
import { targetsOf } from '../services/deployment.ts';
import type { GlobalOptions } from '../services/global-options.ts';
import { effective } from '../services/global-options.ts';
import { CLIENT_OWNER, serviceTaken, unknownService } from '../services/refusals.ts';
import type { ServiceEntry } from '../services/service-entry.ts';
import { addressText } from '../workers/listening-socket.ts';
import { deploymentOf } from './deployment-request.ts';
import type { FileIntake } from './file-intake.ts';
import type { HealthCheck } from './health-check.ts';
import { waitUntilHealthy } from './health-check.ts';
import { inBatches } from './in-batches.ts';
import { withoutRollout, withRolloutTargets, withShare } from './rollout-change.ts';
import { Settling, type SettlingParts } from './settling.ts';

export interface ClientCommandsParts extends SettlingParts {
  readonly statusOf: (entry: ServiceEntry) => ServiceStatus;
  readonly options: GlobalOptions;
  readonly certificates: {
    /** Throws where a host’s certificate could never be ordered. */
    check(deployment: Deployment): void;
    /** Of these hosts those without certificate, when workers have what the change brings. */
    uncertified(hosts: readonly string[]): Promise<CertificateStatus[]>;
  };
  readonly files: FileIntake;
}

export class ClientCommands {
  readonly #parts: ClientCommandsParts;
  #options: GlobalOptions;
  #runningCount = 0;
  readonly #settling: Settling;
  /** Aborted when the daemon hands over or stops: nothing new is begun, and what waits is told. */
  readonly #leaving = new AbortController();

  constructor(parts: ClientCommandsParts) {
    this.#parts = parts;
    this.#options = parts.options;
    this.#settling = new Settling(parts);
  }

  get options(): GlobalOptions {
    return this.#options;
  }

  /** Checks end as refused, retryable; drains go on for a moment longer. */
  leave(reason: LumaError): void {
    this.#leaving.abort(reason);
    this.#parts.clock.after(HAND_OVER_DRAIN_MS, () => this.#settling.hurry());
  }

  deploy(name: string, wanted: ReadDeploy, signal: AbortSignal): Promise<Deployed> {
    return this.#run(() =>
      this.#parts.files.with(wanted, async (files) => {
        const deploymentNow = (): Deployment =>
          deploymentOf(wanted, files, this.#parts.registry().find(name)?.deployment ?? null);
        const { targets, healthCheck, targetProtocol } = deploymentNow();
        // Refused before anybody waits for a health check.
        this.#parts.certificates.check(deploymentNow());
        this.#parts.registry().checkDeployment(name, deploymentNow());
        const check = { ...healthCheck, targetProtocol };
        if (!wanted.force) await this.#check(targets, check, wanted.deploy_timeout_ms, signal);
        return this.#switch(name, deploymentNow, wanted.drain_timeout_ms);
      }),
    );
  }

  /** Beside the service's own targets; who is sent there is for `setRollout`. */
  deployRollout(name: string, wanted: ReadRolloutDeploy, signal: AbortSignal): Promise<Deployed> {
    return this.#run(async () => {
      const deploymentNow = (): Deployment => withRolloutTargets(this.#deployed(name), wanted.targets);
      const { rollout, healthCheck, targetProtocol } = deploymentNow();
      this.#parts.registry().checkDeployment(name, deploymentNow());
      if (!wanted.force && rollout)
        await this.#check(
          rollout.targets,
          { ...healthCheck, targetProtocol },
          wanted.deploy_timeout_ms,
          signal,
        );
      return this.#switch(name, deploymentNow, wanted.drain_timeout_ms);
    });
  }

  setRollout(name: string, wanted: RolloutSetRequest): Promise<ServiceStatus> {
    return this.#run(async () => {
      const { service } = await this.#switch(name, () => withShare(name, this.#deployed(name), wanted), 0);
      return service!;
    });
  }

  stopRollout(name: string, drainTimeoutMs: number | undefined): Promise<Deployed> {
    return this.#run(() =>
      this.#switch(name, () => withoutRollout(name, this.#deployed(name)), drainTimeoutMs),
    );
  }

  remove(name: string, drainTimeoutMs: number | undefined): Promise<Removed> {
    return this.#run(async () => {
      const { registry } = this.#parts;
      const targets = allTargets(this.#owned(name));
      registry().remove(CLIENT_OWNER, name);
      await this.#settling.settle();
      const ids = targets.map(({ id }) => id);
      const cut = await this.#settling.drain(
        name,
        ids,
        drainTimeoutMs ?? effective(this.#options).drainTimeoutMs,
      );
      await this.#parts.files.settle();
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
      await this.#settling.settle();
      await this.#parts.files.settle();
      return { service: this.#parts.statusOf(entry), cut: 0 };
    });
  }

  pause(name: string, wanted: PauseRequest) {
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

  /** What the present deployment is to become, in one turn; then the targets that left it drain. */
  async #switch(
    name: string,
    next: () => Deployment,
    drainTimeoutMs = effective(this.#options).drainTimeoutMs,
  ): Promise<Deployed> {
    const { registry, statusOf } = this.#parts;
    this.#refuseLeaving();
    const before = allTargets(registry().find(name));
    const deployment = next();
    registry().deploy(name, deployment);
    const entry = this.#owned(name);
    const left = before.filter(({ id }) => !targetsOf(deployment).some((target) => target.id === id));
    await this.#settling.settle();
    const uncertified = await this.#parts.certificates.uncertified(deployment.hosts);
    const leftIds = left.map(({ id }) => id);
    const cut = await this.#settling.drain(name, leftIds, drainTimeoutMs);
    const replaced = left.map(({ host, port }) => addressText({ hostname: host, port }));
    return { service: statusOf(entry), replaced, cut, uncertified };
  }

  async #check(
    targets: readonly DeployedTarget[],
    healthCheck: HealthCheck,
    timeoutMs = effective(this.#options).deployTimeoutMs,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#parts;
    // The first that is ill ends the checks of the others.
    const enough = new AbortController();
    const ends = AbortSignal.any([signal, enough.signal, this.#leaving.signal]);
    const check = (target: DeployedTarget): Promise<void> =>
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
      await this.#settling.settle();
      if (traffic.kind !== 'forward') await this.#settling.quiet(name, drainTimeoutMs);
      return this.#parts.statusOf(entry);
    });
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
