/**
 * One order from beginning to certificate (RFC 8555 §7.4): the authorisation proved by one kind of challenge, the key made
 * here, the chain downloaded. It owns nothing; what it put up for the CA to look at is gone when it ends, however it ends.
 */
import type { Authorization, Order } from 'acme-client';
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AcmeClient } from './acme-client.ts';
import { AcmeProblemError, problemOf } from './acme-problem.ts';
import type { AuthorityClient } from './authority.ts';
import type { ChallengeKind, Solvers } from './challenges/solver.ts';
import { POLL_FIRST_MS, POLL_LONGEST_MS, POLL_RETRY_AFTER_MAX_MS } from './limits.ts';

export interface OrderRequest {
  /** `a.example.com` or `*.example.com`. */
  readonly name: string;
  readonly challenge: ChallengeKind;
  /** The certificate that this one replaces, as RFC 9773 §4.1 names it; null: none, or the CA does not ask. */
  readonly replaces: string | null;
  readonly signal: AbortSignal;
}

export interface OrderParts {
  readonly solvers: Solvers;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Obtained {
  readonly keyPem: string;
  readonly chainPem: string;
}

/** The CA looked, and was not convinced. Another kind of challenge may do better. */
export class ChallengeFailedError extends AcmeProblemError {}

export async function obtainCertificate(
  authority: AuthorityClient,
  request: OrderRequest,
  parts: OrderParts,
): Promise<Obtained> {
  const { client } = authority;
  const order = await newOrder(client, request);
  for (const authorization of await client.getAuthorizations(order)) {
    // A CA may remember an earlier proof.
    if (authorization.status !== 'valid') await prove(authority, authorization, request, parts);
  }
  const { crypto } = await import('acme-client');
  const key = await crypto.createPrivateEcdsaKey('P-256');
  const [, csr] = await crypto.createCsr({ altNames: [request.name] }, key);
  const accepted = await client.finalizeOrder(order, csr);
  const valid = await waitFor(authority, accepted, () => client.getOrder(order), request, parts);
  return { keyPem: String(key), chainPem: String(await client.getCertificate(valid)) };
}

/**
 * RFC 9773 §5: another order has that word already, the CA has forgotten the certificate, or an earlier account of
 * ours ordered it. What is wrong with this account itself is said again without the word.
 */
const REPLACING_REFUSALS: readonly string[] = ['alreadyReplaced', 'malformed', 'unauthorized'];

async function newOrder(client: AcmeClient, { name, replaces }: OrderRequest): Promise<Order> {
  const identifiers = [{ type: 'dns', value: name }];
  if (replaces === null) return client.createOrder({ identifiers });
  try {
    const order: { identifiers: typeof identifiers; replaces: string } = { identifiers, replaces };
    return await client.createOrder(order);
  } catch (error) {
    const isAboutReplacing = error instanceof AcmeProblemError && REPLACING_REFUSALS.includes(error.type);
    if (!isAboutReplacing) throw error;
    return client.createOrder({ identifiers });
  }
}

async function prove(
  authority: AuthorityClient,
  authorization: Authorization,
  request: OrderRequest,
  parts: OrderParts,
): Promise<void> {
  const { client } = authority;
  const { challenge: kind, signal } = request;
  const challenge = authorization.challenges.find(({ type }) => (type as string) === kind);
  const solver = parts.solvers[kind];
  if (!challenge || !solver) throw noChallenge(request, authorization);
  const keyAuthorization = await client.getChallengeKeyAuthorization(challenge);
  const host = authorization.identifier.value;
  const withdraw = await solver.present({ host, token: challenge.token, keyAuthorization, signal });
  try {
    await client.completeChallenge(challenge);
    const look = async (): Promise<Authorization> =>
      (await client.getAuthorizations(orderOf(authorization)))[0]!;
    await waitFor(authority, await look(), look, request, parts);
  } finally {
    await withdrawn(withdraw, request, parts.log);
  }
}

/** acme-client asks for authorisations by their order only. */
function orderOf({ url }: Authorization): Order {
  return { authorizations: [url] } as Order;
}

/** What is left standing answers nobody: the CA has looked already. */
async function withdrawn(withdraw: () => Promise<void>, { name }: OrderRequest, log: Log): Promise<void> {
  try {
    await withdraw();
  } catch (error) {
    log.warn('the answer to a challenge could not be taken away', { name, why: messageOf(error) });
  }
}

type Watched = Order | Authorization;

/** Until the CA has made up its mind: asked less and less often, and never sooner than it said. */
async function waitFor<T extends Watched>(
  { retryAfterMs }: AuthorityClient,
  first: T,
  look: () => Promise<T>,
  { signal, challenge }: OrderRequest,
  { clock }: OrderParts,
): Promise<T> {
  let pauseMs = POLL_FIRST_MS;
  for (let seen = first; ; seen = await look()) {
    if (seen.status === 'valid') return seen;
    const isOpen = seen.status === 'pending' || seen.status === 'processing' || seen.status === 'ready';
    if (!isOpen) throw refusalOf(seen, challenge);
    const askedMs = Math.min(retryAfterMs(seen.url) ?? 0, POLL_RETRY_AFTER_MAX_MS);
    await delay(clock, Math.max(pauseMs, askedMs), signal);
    pauseMs = Math.min(POLL_LONGEST_MS, pauseMs * 2);
  }
}

function refusalOf(seen: Watched, kind: ChallengeKind): LumaError {
  if (!('challenges' in seen)) {
    return problemOf(400, seen.error ?? { detail: `the order is ${seen.status}` }, null);
  }
  const problem = seen.challenges.map(({ error }) => error).find((error) => error !== undefined);
  const { type, message } = problemOf(
    400,
    problem ?? { detail: `the authorisation is ${seen.status}` },
    null,
  );
  return new ChallengeFailedError(type, `${kind}: ${message.replace(/^the CA says: /, '')}`, null);
}

function noChallenge({ name, challenge }: OrderRequest, { challenges }: Authorization): LumaError {
  const offered = challenges.map(({ type }) => type).join(', ');
  return new LumaError(
    'acme_no_challenge',
    `the CA offers ${offered || 'nothing'} to prove ${name}, and Luma would answer ${challenge}`,
    { hint: 'choose another one with --acme-challenge' },
  );
}
