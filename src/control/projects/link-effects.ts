/** Runs the effects that call the proxy for one project; each ends in exactly one input, or in none where none waits. */
import { isLumaError, messageOf } from '../../base/errors.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { ExpectedTarget, FenceResult, ServiceSpec } from '../../proxy/client/contract.ts';
import type { ProjectInput } from './project-input.ts';
import type { Publication } from './project-state.ts';
import type { SupervisorNeeds } from './supervisor-needs.ts';

type Send = (input: ProjectInput) => void;

/** Strangers see a code; the reason with its paths, addresses and logs is for the API and the events. */
const PUBLIC_REASON = 'This service could not be started.';

export class LinkEffects {
  readonly #needs: SupervisorNeeds;

  constructor(needs: SupervisorNeeds) {
    this.#needs = needs;
  }

  /** `spec: null`: the service disappears. */
  async publish(name: string, publication: Publication, spec: ServiceSpec | null, send: Send): Promise<void> {
    try {
      if (spec) await this.#needs.link.publish(spec);
      else await this.#needs.link.remove(name);
      send({ kind: 'published', publication });
    } catch (error) {
      this.#note(name, 'publish', error);
      send({ kind: 'publish-failed', conflict: this.conflictOf(error) });
    }
  }

  /** Null when the proxy is not reached or does not know the service. */
  async fence(name: string, ends: number): Promise<FenceResult | null> {
    try {
      return await this.#needs.link.fence(name, ends);
    } catch (error) {
      this.#note(name, 'fence', error);
      return null;
    }
  }

  async signal(name: string, token: string, send: Send): Promise<void> {
    try {
      const answer = await this.#needs.link.signalled(name, token);
      send({ kind: answer === 'accepted' ? 'signal-accepted' : 'signal-stale', token });
    } catch (error) {
      this.#note(name, 'signalled', error);
      send({ kind: 'signal-failed', token });
    }
  }

  /** A fence that cannot be lifted for want of a link is lifted by the proxy, or by our next snapshot. */
  async lift(name: string, token: string): Promise<void> {
    try {
      await this.#needs.link.liftFence(name, token);
    } catch (error) {
      this.#note(name, 'liftFence', error);
    }
  }

  /** `isPatient`: what is still running then goes on, and is waited for again. */
  async drain(name: string, id: string, isPatient: boolean, send: Send): Promise<void> {
    const timeoutMs = this.#needs.drainTimeoutMs();
    try {
      const isClean = await this.#needs.link.drained(name, id, timeoutMs);
      if (!isClean && isPatient) return send({ kind: 'drain-failed', id });
      if (!isClean)
        this.#needs.log.warn('exchanges were still running', { project: name, instance: id, timeoutMs });
      send({ kind: 'drained', id });
    } catch (error) {
      this.#note(name, 'drained', error);
      send({ kind: 'drain-failed', id });
    }
  }

  /** True when the edge is connected to it, before it is published. */
  async expect(name: string, target: ExpectedTarget): Promise<boolean> {
    try {
      return await this.#needs.link.expect(name, target);
    } catch (error) {
      this.#note(name, 'expect', error);
      return false;
    }
  }

  /** Requests that are still held after a break of the link raise `wake` again, and hear it then. */
  async failWake(name: string, failure: StartFailure, retryAfterMs: number): Promise<void> {
    try {
      await this.#needs.link.wakeFailed(name, { code: failure.code, message: PUBLIC_REASON, retryAfterMs });
    } catch (error) {
      this.#note(name, 'wakeFailed', error);
    }
  }

  conflictOf(error: unknown): StartFailure | null {
    if (!isLumaError(error, 'host_taken')) return null;
    return { code: 'hostname_taken', message: error.message, logLines: [], at: this.#needs.clock.now() };
  }

  #note(name: string, call: string, error: unknown): void {
    const { log } = this.#needs;
    const fields = { project: name, call, error: messageOf(error) };
    if (isLumaError(error, 'proxy_unavailable')) log.debug('the proxy is not reached', fields);
    else log.warn('the proxy refused', fields);
  }
}
